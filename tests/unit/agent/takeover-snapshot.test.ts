/** The file in which an agent's state travels, and the lines around it: whole, or refused. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync } from "node:fs";
import {
  encodeMessage,
  MAX_MESSAGE_BYTES,
  readReply,
  readRequest,
} from "../../../src/agent/takeover/handover-message.ts";
import { LineInbox } from "../../../src/agent/takeover/line-inbox.ts";
import {
  readSnapshot,
  type Snapshot,
  SnapshotError,
  writeSnapshot,
} from "../../../src/agent/takeover/snapshot.ts";
import { sampleRequest } from "../../support/neutral-events.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/temporary-folder.ts";

const AGENT = {
  proxyConfig: '{"pool-size":4,"text":"ü"}',
  counters: { events: [7, 5, 4], "event_duration request_headers": [1, 0.25] },
  exchanges: [
    {
      correlationId: "__proto__",
      request: null,
      deferredOps: [{ op: "set", name: "x-a", value: "1" } as const, { op: "remove", name: "x-b" } as const],
      requestBody: { stage: "pieces", forwardedBytes: 0, isReplaced: true } as const,
    },
    {
      correlationId: "text",
      request: { kind: "request-text", json: '{"method":"GET"}' } as const,
      deferredOps: [],
      requestBody: { stage: "pieces", forwardedBytes: 17, isReplaced: true } as const,
    },
    {
      correlationId: "fields",
      request: sampleRequest(),
      deferredOps: [],
      requestBody: { stage: "pieces", forwardedBytes: 0, isReplaced: true } as const,
    },
  ],
  takeovers: 3,
};
const SNAPSHOT: Snapshot = {
  agent: AGENT,
  connections: [
    {
      handler: null,
      unhandled: Buffer.alloc(0),
      unsent: Buffer.alloc(0),
      peerHasEnded: false,
      socketInode: 0,
    },
    {
      handler: { protocol: 2, proxyVersion: "0.6.54" },
      unhandled: Buffer.from([0, 0, 0, 9, 1]),
      unsent: Buffer.from("rest"),
      peerHasEnded: true,
      socketInode: 4711,
    },
    {
      handler: { protocol: 1 },
      unhandled: Buffer.alloc(70_000, 7),
      unsent: Buffer.alloc(0),
      peerHasEnded: false,
      socketInode: 0,
    },
  ],
};

describe("the state file", () => {
  let folder: TemporaryFolder;
  let path: string;
  let fd: number;

  beforeEach(() => {
    folder = temporaryFolder();
    path = folder.file("state");
    writeFileSync(path, "");
    fd = openSync(path, "r+");
  });

  afterEach(() => {
    closeSync(fd);
    folder[Symbol.dispose]();
  });

  /** What is read when the file holds these bytes. */
  function readBack(bytes: Buffer): Snapshot {
    ftruncateSync(fd, 0);
    writeFileSync(path, bytes);
    return readSnapshot(fd);
  }

  test("gives back what was written", () => {
    writeSnapshot(fd, SNAPSHOT);
    expect(readSnapshot(fd)).toEqual(SNAPSHOT);
    // Its place in the file belongs to whoever reads.
    expect(readSnapshot(fd)).toEqual(SNAPSHOT);
  });

  test("of any length but its own is refused", () => {
    writeSnapshot(fd, SNAPSHOT);
    const whole = readFileSync(path);
    for (const length of [0, 10, 19, 20, 100, whole.length - 1]) {
      expect(() => readBack(whole.subarray(0, length))).toThrow(SnapshotError);
    }
    expect(readBack(whole)).toEqual(SNAPSHOT);
  });

  test("with any damaged byte in front of the connections' own is refused or reads as a state", () => {
    writeSnapshot(fd, { agent: AGENT, connections: [] });
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = 0xff;
      try {
        expect(readBack(damaged).connections).toEqual([]);
      } catch (error) {
        expect(error).toBeInstanceOf(SnapshotError);
      }
    }
  });

  test.each([
    ["no object", "[]"],
    [
      "counts below zero",
      {
        connections: [
          { handler: null, unhandledBytes: -1, unsentBytes: 0, peerHasEnded: false, socketInode: 0 },
        ],
      },
    ],
    [
      "bytes that are not there",
      {
        connections: [
          { handler: null, unhandledBytes: 9, unsentBytes: 0, peerHasEnded: false, socketInode: 0 },
        ],
      },
    ],
    [
      "lists in a handler's state",
      {
        connections: [
          { handler: { a: [] }, unhandledBytes: 0, unsentBytes: 0, peerHasEnded: false, socketInode: 0 },
        ],
      },
    ],
    ["a configuration that is no text", { agent: { ...AGENT, proxyConfig: {} } }],
    ["a counter that is no number", { agent: { ...AGENT, counters: { events: ["7"] } } }],
    [
      "an unknown header operation",
      {
        agent: { ...AGENT, exchanges: [{ ...AGENT.exchanges[0], deferredOps: [{ op: "run", name: "x" }] }] },
      },
    ],
    [
      "a request without headers",
      {
        agent: {
          ...AGENT,
          exchanges: [{ ...AGENT.exchanges[2], request: { ...AGENT.exchanges[2]?.request, headers: null } }],
        },
      },
    ],
  ])("whose header has %s is refused", (_what, header) => {
    const text =
      typeof header === "string" ? header : JSON.stringify({ agent: AGENT, connections: [], ...header });
    const prefix = Buffer.from("WASMTAKE\x01\0\0\0\0\0\0\0");
    prefix.writeUInt32LE(Buffer.byteLength(text), 12);
    expect(() => readBack(Buffer.concat([prefix, Buffer.from(text)]))).toThrow(SnapshotError);
  });
});

describe("messages", () => {
  test("are read as they were written, each by its side", () => {
    const hello = { type: "hello", handover: 1, version: "1.0.0", pid: 5 } as const;
    expect(readRequest(encodeMessage(hello).toString().trimEnd())).toEqual(hello);
    expect(readReply(encodeMessage(hello).toString().trimEnd())).toBeNull();
    const descriptors = { type: "descriptors" as const, connections: [0, 2], isLast: true };
    expect(readReply(encodeMessage(descriptors).toString().trimEnd())).toEqual(descriptors);
  });

  test("with every number of a full one there can be are within the bound", () => {
    const connections = Array.from({ length: 253 }, (_, i) => 1_000_000 + i);
    expect(encodeMessage({ type: "descriptors", connections, isLast: false }).length).toBeLessThan(
      MAX_MESSAGE_BYTES,
    );
  });

  test.each([
    "",
    "{",
    "null",
    "[]",
    '{"type":"hello"}',
    '{"type":"commit","type":"x"}',
    '{"type":"__proto__"}',
  ])("%p is none", (line) => {
    expect([readRequest(line), readReply(line)]).toEqual([null, null]);
  });
});

describe("LineInbox", () => {
  test("puts lines together from pieces", async () => {
    const inbox = new LineInbox();
    const line = inbox.take(1000);
    inbox.push(Buffer.from('{"a":'));
    inbox.push(Buffer.from("1}\nnext"));
    expect(await line).toBe('{"a":1}');
    inbox.push(Buffer.from("\n"));
    expect(await inbox.take(1000)).toBe("next");
  });

  test("tells a peer that is silent from one that is gone by time alone, and both by null", async () => {
    const inbox = new LineInbox();
    expect(await inbox.take(5)).toBeNull();
    const waiting = inbox.take(60_000);
    inbox.end();
    expect(await waiting).toBeNull();
    expect(await inbox.take(60_000)).toBeNull();
  });

  test("still gives a line that came just before the end", async () => {
    const inbox = new LineInbox();
    inbox.push(Buffer.from("last\n"));
    inbox.end();
    expect(await inbox.take(1000)).toBe("last");
    expect(await inbox.take(1000)).toBeNull();
  });

  test("listens no more to a peer that floods it", async () => {
    const long = new LineInbox();
    long.push(Buffer.alloc(MAX_MESSAGE_BYTES + 1, "x"));
    expect(long.isEnded).toBe(true);
    const many = new LineInbox();
    many.push(Buffer.from("a\nb\nc\n"));
    expect(many.isEnded).toBe(true);
  });
});
