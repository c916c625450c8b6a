/** A socket path before it is listened on, with real sockets: what is removed there, and what never is. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { lstatSync, readdirSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import type { UnixSocketListener } from "bun";
import { openLibc } from "../../../src/os/libc.ts";
import { probeSocket } from "../../../src/os/unix-connect.ts";
import { SocketError } from "../../../src/transport/socket-error.ts";
import {
  findStaleSocket,
  prepareSocketPath,
  removeStaleFile,
} from "../../../src/transport/uds/socket-path.ts";
import { listenOn } from "../../support/listening-socket.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/temporary-folder.ts";

let folder: TemporaryFolder;
let path: string;
let listeners: UnixSocketListener<undefined>[];

beforeEach(() => {
  folder = temporaryFolder();
  path = folder.file("agent.sock");
  listeners = [];
});

afterEach(() => {
  for (const listener of listeners) listener.stop(true);
  folder[Symbol.dispose]();
});

/** Another agent: it gets its name at once, as agents do. */
function takePath(): void {
  const staging = folder.file(`staging-${listeners.length}`);
  listeners.push(
    Bun.listen<undefined>({
      unix: staging,
      socket: { data() {}, open: (socket) => void socket.write("alive") },
    }),
  );
  renameSync(staging, path);
}

/** What an agent leaves behind that was killed. */
function leaveStaleSocket(): void {
  takePath();
  listeners.pop()?.stop(true);
}

function greeting(): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = { data: (_: unknown, bytes: Buffer) => resolve(bytes.toString()) };
  Bun.connect({ unix: path, socket }).catch(reject);
  return promise;
}

async function codeOf(action: () => unknown): Promise<string> {
  try {
    await action();
    return "nothing thrown";
  } catch (error) {
    return error instanceof SocketError ? error.code : String(error);
  }
}

describe("a stale socket", () => {
  test("is removed, and nothing is left beside it", async () => {
    leaveStaleSocket();
    await prepareSocketPath(path, false);
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("is gone in the meantime: that is as good", async () => {
    leaveStaleSocket();
    const stale = await findStaleSocket(path, false);
    unlinkSync(path);
    expect(removeStaleFile(path, stale!)).toBe(true);
  });

  test("whose path another agent takes after it was found dead: that agent keeps it", async () => {
    leaveStaleSocket();
    const stale = await findStaleSocket(path, false);
    takePath();
    const { ino } = lstatSync(path);
    expect(removeStaleFile(path, stale!)).toBe(false);
    expect(lstatSync(path).ino).toBe(ino);
    expect(await greeting()).toBe("alive");
    expect(readdirSync(folder.path)).toEqual(["agent.sock"]);
  });

  test("whose path a file takes after it was found dead: the file stays", async () => {
    leaveStaleSocket();
    const stale = await findStaleSocket(path, false);
    unlinkSync(path);
    writeFileSync(path, "precious");
    expect(removeStaleFile(path, stale!)).toBe(false);
    expect(await Bun.file(path).text()).toBe("precious");
  });

  test("is told from a newer one that got the number of its inode", async () => {
    leaveStaleSocket();
    const stale = await findStaleSocket(path, false);
    expect(removeStaleFile(path, { ...stale!, mtimeNs: stale!.mtimeNs - 1n })).toBe(false);
    expect(lstatSync(path).isSocket()).toBe(true);
  });
});

describe("a path that a live agent listens on", () => {
  test("is refused", async () => {
    takePath();
    expect(await codeOf(() => prepareSocketPath(path, false))).toBe("socket-in-use");
    expect(await greeting()).toBe("alive");
  });

  test("is left to be taken over, if that is wanted", async () => {
    takePath();
    await prepareSocketPath(path, true);
    expect(await greeting()).toBe("alive");
  });

  // Only the C library tells a full queue from a dead listener.
  test.if(process.platform === "linux")(
    "is refused, too, while its queue of connections is full",
    async () => {
      using _busy = await listenOn(path, 0);
      const waiting = await Bun.connect({ unix: path, socket: { data() {} } });
      expect(await codeOf(() => prepareSocketPath(path, false))).toBe("socket-in-use");
      expect(lstatSync(path).isSocket()).toBe(true);
      waiting.end();
    },
  );
});

describe("what is known of a socket", () => {
  const libcs = process.platform === "linux" ? ["the C library", "Bun"] : ["Bun"];

  test.each(libcs)("asked through %s", async (through) => {
    const libc = through === "Bun" ? null : openLibc();
    try {
      expect(await probeSocket(libc, path)).toEqual({ kind: "gone" });
      takePath();
      expect(await probeSocket(libc, path)).toEqual({ kind: "listening" });
      listeners.pop()?.stop(true);
      expect(await probeSocket(libc, path)).toEqual({ kind: "dead" });
    } finally {
      libc?.close();
    }
  });
});
