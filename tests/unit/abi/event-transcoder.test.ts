/** The short way from a frame to the text that guests read. That it agrees with the long one is a property of its own. */

import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HeadersEvent } from "../../../src/event/event.ts";
import { retain } from "../../../src/event/event-text.ts";
import {
  byDecoder,
  byTranscoder,
  sharedTranscoder,
  textOf,
  transcode,
  type Transcoded,
  type Way,
} from "../../support/transcoded.ts";
import { readRecordings } from "../../wire/recorded-frames.ts";

const ASSEMBLY = join(import.meta.dir, "../../../src/abi/json/transcoder/assembly");
const ASC = join(import.meta.dir, "../../../node_modules/assemblyscript/bin/asc.js");
const REQUEST_HEADERS = 16;
const RESPONSE_HEADERS = 17;

const METADATA = {
  correlation_id: "inner",
  request_id: "r-1",
  client_ip: "10.0.0.1:50412",
  client_port: 0,
  server_name: null,
  protocol: "HTTP/1.1",
  tls_version: null,
  tls_cipher: null,
  route_id: "all",
  upstream_id: null,
  timestamp: "2026-01-31T10:00:00Z",
};

interface Members {
  readonly [name: string]: unknown;
}

function request(members: Members = {}, metadata: Members = {}): Members {
  return {
    headers: { host: ["a.example"] },
    metadata: { ...METADATA, ...metadata },
    method: "GET",
    uri: "/",
    ...members,
  };
}

function read(members: Members | string, way: Way = "v2-request"): Transcoded | null {
  const frame = Buffer.from(typeof members === "string" ? members : JSON.stringify(members));
  const transcoded = byTranscoder(sharedTranscoder(), way, frame);
  if (transcoded !== null) expect(transcoded).toEqual(byDecoder(way, frame)!);
  return transcoded;
}

describe("takes", () => {
  test("every event about headers that was recorded from a real proxy", async () => {
    const transcoder = sharedTranscoder();
    let count = 0;
    for (const { protocol, frames } of await readRecordings()) {
      for (const { text, type } of frames) {
        if (
          protocol === 1
            ? !text.includes('"request_headers"')
            : type !== REQUEST_HEADERS && type !== RESPONSE_HEADERS
        )
          continue;
        const way = protocol === 1 ? "v1-request" : type === RESPONSE_HEADERS ? "v2-response" : "v2-request";
        const frame = Buffer.from(text);
        const expected = byDecoder(way, frame);
        if (expected === null || /[^ -~]|\\u/.test(text)) continue;
        expect(byTranscoder(transcoder, way, frame)).toEqual(expected);
        count++;
      }
    }
    expect(count).toBeGreaterThan(20);
  });

  test("a request, with the documented keys in their order", () => {
    expect(read(request())).toEqual({
      text: '{"method":"GET","uri":"/","client_ip":"10.0.0.1","correlation_id":"inner","headers":{"host":"a.example"}}',
      correlationId: "inner",
    });
  });

  test("a response", () => {
    expect(read({ correlation_id: "c", headers: { a: ["1", "2"] }, status: 404 }, "v2-response")).toEqual({
      text: '{"status":404,"correlation_id":"c","headers":{"a":"1, 2"}}',
      correlationId: "c",
    });
  });

  test("an outer correlation id before the inner one, and none at all", () => {
    expect(read(request({ correlation_id: "outer" }))?.correlationId).toBe("outer");
    const { correlation_id: _id, ...without } = METADATA;
    expect(read({ ...request(), metadata: without })?.correlationId).toBe("");
  });

  test("escapes that every encoder writes alike", () => {
    const value = 'a "quoted" \\ back\tand\nforth\r\f\b';
    const taken = read(request({ correlation_id: value, headers: { "sec-ch-ua": [value] } }));
    expect(taken?.correlationId).toBe(value);
    expect(JSON.parse(taken!.text).headers["sec-ch-ua"]).toBe(value);
  });

  test("no header that is not one: proxies of one month send :method and :path", () => {
    const headers = { ":method": ["GET"], ":path": ["/"], host: ["a"], ":late": ["x"] };
    expect(JSON.parse(read(request({ headers }))!.text).headers).toEqual({ host: "a" });
    expect(JSON.parse(read(request({ headers: { ":method": ["GET"] } }))!.text).headers).toEqual({});
  });

  test("texts of every length, whose ends fall on every place of a vector", () => {
    for (let length = 0; length < 50; length++) {
      const value = "x".repeat(length);
      expect(
        read(request({ correlation_id: value, uri: value, headers: { [`n${value}`]: [value, value] } })),
      ).not.toBeNull();
    }
  });
});

describe("leaves to the other decoder", () => {
  test.each([
    ["what is not ASCII", request({ uri: "/é" })],
    ["escapes by number", JSON.stringify(request({ uri: "/x" })).replace("/x", "/\\u0041")],
    ["an escaped slash", JSON.stringify(request({ uri: "/x" })).replace("/x", "\\/x")],
    ["white space", JSON.stringify(request(), null, 1)],
    ["a header that is there twice", '{"headers":{"a":["1"],"a":["2"]},"metadata":{},"method":"","uri":""}'],
    ["a member that is there twice", JSON.stringify(request()).replace('"uri":"/"', '"uri":"/","uri":"/b"')],
    ["a header whose name is a number", request({ headers: { "7": ["a"] } })],
    ["a value that is no list", request({ headers: { a: "1" } })],
    ["a missing member", { ...request(), method: undefined }],
    ["a null that should be a text", request({}, { protocol: null })],
    ["a port that is too large", request({}, { client_port: 65_536 })],
    ["a port with a leading zero", JSON.stringify(request()).replace('"client_port":0', '"client_port":01')],
    ["a nested member it does not know", request({ more: {} })],
    ["anything behind the end", `${JSON.stringify(request())} `],
    ["a half frame", JSON.stringify(request()).slice(0, -1)],
    ["nothing", ""],
    ["more than it has room for", request({ uri: `/${"x".repeat(65_536)}` })],
  ])("%s", (_what, members) => {
    expect(read(members as Members | string)).toBeNull();
  });

  test("many header names that only a comparison can tell apart", () => {
    const names = (count: number, varying: (i: number) => string) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [varying(i), ["v"]]));
    // Both ends and the length are alike.
    const alike = (i: number) => `x${"-".repeat(50)}${String(i).padStart(3, "0")}${"-".repeat(50)}x`;
    expect(read(request({ headers: names(5, alike) }))).not.toBeNull();
    expect(read(request({ headers: names(40, alike) }))).toBeNull();
    expect(read(request({ headers: names(60, (i) => `x-header-${i}`) }))).not.toBeNull();
  });

  test("v1 frames that ask about anything else", () => {
    const payload = JSON.stringify(request());
    const envelope = (type: string) => `{"version":1,"event_type":"${type}","payload":${payload}}`;
    expect(read(envelope("request_headers"), "v1-request")).not.toBeNull();
    expect(read(envelope("response_headers"), "v1-request")).toBeNull();
    expect(read(payload, "v1-request")).toBeNull();
    expect(read(`${envelope("request_headers")}}`, "v1-request")).toBeNull();
    expect(read(envelope("request_headers").slice(0, -1), "v1-request")).toBeNull();
  });
});

describe("the event", () => {
  const first = Buffer.from(JSON.stringify(request({ uri: "/first" })));
  const second = Buffer.from(JSON.stringify(request({ uri: "/second" })));

  function ask(
    transcoder: ReturnType<typeof sharedTranscoder>,
    frame: Buffer,
  ): HeadersEvent & { kind: "request-headers" } {
    const event = transcode(transcoder, "v2-request", frame);
    if (event?.kind !== "request-headers") throw new Error("the event was not taken");
    return event;
  }

  test("has all fields while it is borrowed", () => {
    const event = ask(sharedTranscoder(), first);
    expect(event.uri).toBe("/first");
    expect(event.metadata.clientAddress).toBe("10.0.0.1:50412");
    expect(event.headers).toEqual({ host: ["a.example"] });
    expect(textOf(event)).toContain("/first");
  });

  test("never shows the content of the one that came after it", () => {
    const transcoder = sharedTranscoder();
    const lost = ask(transcoder, first);
    const kept = ask(transcoder, second);
    expect(lost.text).toBeUndefined();
    expect(() => lost.uri).toThrow("read after its frame was given back");
    expect(() => lost.correlationId).toThrow("read after its frame was given back");
    expect(kept.uri).toBe("/second");
  });

  test("keeps its fields once it was kept", () => {
    const transcoder = sharedTranscoder();
    const event = ask(transcoder, first);
    const plain = retain(event);
    ask(transcoder, second);
    expect(plain).toMatchObject({ kind: "request-headers", uri: "/first", correlationId: "inner" });
    expect(structuredClone(plain)).toEqual(plain);
    expect(event.correlationId).toBe("inner");
    expect(event.uri).toBe("/first");
  });

  test("keeps the request that the dispatcher gave it", () => {
    const bytes = Buffer.from(JSON.stringify({ correlation_id: "a", headers: {}, status: 200 }));
    const event = sharedTranscoder().read("response-headers", false, bytes, 0, bytes.length);
    if (event?.kind !== "response-headers") throw new Error("the transcoder took no response");
    const request = { kind: "request-text", json: "{}" } as const;
    event.request = request;
    expect(retain(event)).toMatchObject({ kind: "response-headers", status: 200, request });
  });
});

test("the committed module is what its source compiles to", () => {
  const folder = mkdtempSync(join(tmpdir(), "transcoder-"));
  try {
    const built = join(folder, "transcoder.wasm");
    const config = join(ASSEMBLY, "asconfig.json");
    const { exitCode, stderr } = Bun.spawnSync([
      process.execPath,
      ASC,
      "--config",
      config,
      "--outFile",
      built,
    ]);
    expect(stderr.toString()).toBe("");
    expect(exitCode).toBe(0);
    expect(readFileSync(built).equals(readFileSync(join(ASSEMBLY, "../transcoder.wasm")))).toBe(true);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
