/** Descriptors travel between two ends of a Unix socket and stay the open files they are. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import type { Socket, UnixSocketListener } from "bun";
import {
  MAX_DESCRIPTORS_PER_MESSAGE,
  receiveWithDescriptors,
  sendWithDescriptors,
} from "../../../src/os/descriptor-passing.ts";
import { SystemCallError, SystemCalls } from "../../../src/os/system-calls.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/temporary-folder.ts";

const MAX_BYTES = 64 * 1024;
const openDescriptors = () => readdirSync("/proc/self/fd").length;

// The calls are those of Linux.
describe.if(process.platform === "linux")("descriptor passing", () => {
  let folder: TemporaryFolder;
  let calls: SystemCalls;
  let listener: UnixSocketListener<undefined>;
  let sender: Socket<undefined>;
  let receiver: number;

  beforeEach(async () => {
    folder = temporaryFolder();
    calls = SystemCalls.open()!;
    const accepted = Promise.withResolvers<Socket<undefined>>();
    listener = Bun.listen({
      unix: folder.file("private.sock"),
      socket: { open: accepted.resolve, data() {} },
    });
    receiver = calls.connectUnix(folder.file("private.sock"));
    sender = await accepted.promise;
  });

  afterEach(() => {
    sender.terminate();
    listener.stop(true);
    calls.close(receiver);
    calls[Symbol.dispose]();
    folder[Symbol.dispose]();
  });

  const senderFd = () => (sender as unknown as { fd: number }).fd;

  test("the receiver reads the file that the sender has open, under a descriptor of its own", () => {
    writeFileSync(folder.file("secret"), "seen through a descriptor");
    const sent = openSync(folder.file("secret"), "r");
    sendWithDescriptors(calls, senderFd(), Buffer.from("one file"), [sent]);
    closeSync(sent);
    const message = receiveWithDescriptors(calls, receiver, MAX_BYTES);
    expect(message?.bytes.toString()).toBe("one file");
    const [received] = message?.descriptors ?? [];
    expect(readFileSync(received!, "utf8")).toBe("seen through a descriptor");
    closeSync(received!);
  });

  test("as many as a message can carry arrive in their order", () => {
    const files = Array.from({ length: MAX_DESCRIPTORS_PER_MESSAGE }, (_, i) => {
      writeFileSync(folder.file(`file-${i}`), String(i));
      return openSync(folder.file(`file-${i}`), "r");
    });
    sendWithDescriptors(calls, senderFd(), Buffer.from("many"), files);
    for (const fd of files) closeSync(fd);
    const { descriptors } = receiveWithDescriptors(calls, receiver, MAX_BYTES)!;
    expect(descriptors.map((fd) => readFileSync(fd, "utf8"))).toEqual(files.map((_, i) => String(i)));
    for (const fd of descriptors) closeSync(fd);
  });

  test("more than the system takes are refused, and nothing is sent", () => {
    const files = Array.from({ length: MAX_DESCRIPTORS_PER_MESSAGE + 2 }, () => openSync("/dev/null", "r"));
    expect(() => sendWithDescriptors(calls, senderFd(), Buffer.from("too many"), files)).toThrow(
      SystemCallError,
    );
    for (const fd of files) closeSync(fd);
    expect(receiveWithDescriptors(calls, receiver, MAX_BYTES)).toBeNull();
  });

  test("nothing to receive is null, and a peer that is gone is an empty message", async () => {
    expect(receiveWithDescriptors(calls, receiver, MAX_BYTES)).toBeNull();
    expect(calls.waitReadable(receiver, 0)).toBe(false);
    sender.terminate();
    expect(calls.waitReadable(receiver, 1000)).toBe(true);
    expect(receiveWithDescriptors(calls, receiver, MAX_BYTES)?.bytes.length).toBe(0);
  });

  test("a message without descriptors leaves none open", () => {
    const before = openDescriptors();
    sendWithDescriptors(calls, senderFd(), Buffer.from("plain"), []);
    const message = receiveWithDescriptors(calls, receiver, MAX_BYTES);
    expect([message?.bytes.toString(), message?.descriptors]).toEqual(["plain", []]);
    expect(openDescriptors()).toBe(before);
  });

  test("the peer's user is known, and a wrong descriptor is a typed error", () => {
    expect(calls.peerUserId(receiver)).toBe(process.geteuid!());
    expect(calls.peerUserId(senderFd())).toBe(process.geteuid!());
    expect(() => calls.peerUserId(9999)).toThrow("getsockopt failed: EBADF");
    expect(() => calls.connectUnix(folder.file("nobody.sock"))).toThrow("connect failed: ENOENT");
  });

  test("after reading was shut down, what was written before is still there and nothing comes after it", () => {
    sender.write("before");
    sender.flush();
    calls.shutDownReading(receiver);
    expect(sender.write("after")).toBeLessThanOrEqual(0);
    expect(receiveWithDescriptors(calls, receiver, MAX_BYTES)?.bytes.toString()).toBe("before");
    expect(receiveWithDescriptors(calls, receiver, MAX_BYTES)?.bytes.length).toBe(0);
  });

  test("a file in memory holds what is written to it and has no name", () => {
    const fd = calls.createMemoryFile("a-test");
    writeSync(fd, "kept", 0);
    const duplicate = calls.duplicate(fd);
    closeSync(fd);
    expect(fstatSync(duplicate).size).toBe(4);
    expect(fstatSync(duplicate).nlink).toBe(0);
    closeSync(duplicate);
  });
});
