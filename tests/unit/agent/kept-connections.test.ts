/** What outlives a process in the service manager's store, and what the next process makes of it. Linux only. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { closeSync, fstatSync, writeSync } from "node:fs";
import type { Socket, UnixSocketListener } from "bun";
import { ConnectionTable, readTable } from "../../../src/agent/takeover/connection-table.ts";
import { KeptConnections } from "../../../src/agent/takeover/kept-connections.ts";
import { FdStore } from "../../../src/os/fd-store.ts";
import type { ConnectionMark, MarkMaker } from "../../../src/transport/uds/connection-mark.ts";
import type { PassedDescriptor } from "../../../src/transport/uds/inherited-socket.ts";
import type { Listener } from "../../../src/transport/uds/listener.ts";
import { RecordedLog } from "../../support/recorded-log.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/temporary-folder.ts";
import { DatagramReceiver } from "../telemetry/datagram-receiver.ts";

const STATE = {
  proxyConfig: '{"a":1}',
  counters: { events: [3, 2, 1] },
  exchanges: [],
  takeovers: 0,
};
const V2 = { protocol: 2, proxyVersion: "0.6.54" };

describe.if(process.platform === "linux")("connections in the store", () => {
  let folder: TemporaryFolder;
  let log: RecordedLog;
  let manager: DatagramReceiver;
  let store: FdStore;
  let server: UnixSocketListener<undefined>;
  const ours: Socket<undefined>[] = [];
  const peers: Socket<{ isClosed: boolean }>[] = [];

  beforeEach(() => {
    folder = temporaryFolder();
    log = new RecordedLog();
    manager = new DatagramReceiver(folder.file("notify"));
    store = FdStore.open({ address: folder.file("notify"), capacity: "8", log })!;
    server = Bun.listen({
      unix: folder.file("s"),
      socket: { open: (socket) => void ours.push(socket), data() {} },
    });
  });

  afterEach(() => {
    for (const socket of [...ours.splice(0), ...peers.splice(0)]) socket.terminate();
    server.stop(true);
    manager[Symbol.dispose]();
    folder[Symbol.dispose]();
  });

  /** Descriptors of connections, as the process has them. */
  async function connections(count: number): Promise<readonly number[]> {
    for (let i = 0; i < count; i++) {
      const peer = await Bun.connect({
        unix: folder.file("s"),
        data: { isClosed: false },
        socket: {
          data() {},
          close(socket) {
            socket.data.isClosed = true;
          },
        },
      });
      peers.push(peer);
    }
    while (ours.length < count) await Bun.sleep(1);
    return ours.map((socket) => (socket as unknown as { fd: number }).fd);
  }

  /** As the service manager keeps them and passes them on. */
  const passedOn = (name: string, descriptor: number): PassedDescriptor => ({
    name: `wasm-agent-${name}`,
    descriptor: store.calls.duplicate(descriptor),
  });

  function received(): string[] {
    const messages: string[] = [];
    for (let message = manager.receive(); message !== null; message = manager.receive())
      messages.push(message);
    return messages;
  }

  /** A process that serves these connections; its files are kept by the test in place of the manager. */
  function serve(descriptors: readonly number[]) {
    const files: Record<string, number> = {};
    const create = store.calls.createMemoryFile.bind(store.calls);
    store.calls.createMemoryFile = (name) => {
      const file = create(name);
      files[name] = store.calls.duplicate(file);
      return file;
    };
    const kept = new KeptConnections(store, log);
    const marks: (ConnectionMark | null)[] = [];
    const listener = {
      markConnections: (make: MarkMaker) => {
        if (marks.length === 0) marks.push(...descriptors.map((descriptor) => make(descriptor, V2)));
      },
    } as unknown as Listener;
    kept.start(listener, null);
    const passed = () =>
      Object.entries(files).map(([name, file]) => ({ name, descriptor: store.calls.duplicate(file) }));
    return { kept, marks, passed };
  }

  test("are stored with a table and a state under names of their own", async () => {
    const descriptors = await connections(2);
    serve(descriptors);
    expect(received()).toEqual([
      "FDSTORE=1\nFDNAME=wasm-agent-state",
      "FDSTORE=1\nFDNAME=wasm-agent-table",
      "FDSTORE=1\nFDNAME=wasm-agent-connection",
      "FDSTORE=1\nFDNAME=wasm-agent-connection",
    ]);
  });

  test("after a crash: those that can go on do, in what the proxy configured; others are closed, also for their peers", async () => {
    const descriptors = await connections(3);
    const { kept, marks, passed } = serve(descriptors);
    kept.writeConfig('{"a":1}');
    marks[0]?.set(true);
    marks[0]?.journal.open(16, "lost");
    marks[0]?.journal.close(marks[0].journal.open(16, "answered"));
    marks[0]?.onDelivered();
    marks[1]?.set(false);
    marks[2]?.set(true);
    marks[2]?.onClosed();
    const stored = [...passed(), ...descriptors.map((descriptor) => passedOn("connection", descriptor))];
    received();
    const recovery = KeptConnections.recover(stored, store, log);
    expect(recovery).toMatchObject({ hasCrashed: true, lost: 2, agent: { proxyConfig: '{"a":1}' } });
    expect(recovery?.connections.map(({ state }) => state)).toEqual([
      {
        handler: V2,
        unhandled: Buffer.alloc(0),
        unsent: Buffer.alloc(0),
        peerHasEnded: false,
        lostEvents: [{ type: 16, correlationId: "lost" }],
      },
    ]);
    expect(fstatSync(recovery!.connections[0]!.descriptor).ino).toBe(fstatSync(descriptors[0]!).ino);
    while (peers.filter(({ data }) => data.isClosed).length < 2) await Bun.sleep(1);
    expect(peers[0]?.data.isClosed).toBe(false);
    // Their streams go on from here: the files of before must not be read once more.
    expect(received()).toEqual([
      "FDSTOREREMOVE=1\nFDNAME=wasm-agent-state",
      "FDSTOREREMOVE=1\nFDNAME=wasm-agent-table",
    ]);
  });

  test("after a stop: all of them go on with their state, whatever the order of the descriptors", async () => {
    const descriptors = await connections(3);
    const { kept, passed } = serve(descriptors.slice(0, 1));
    received();
    const held = descriptors.map((descriptor, i) => ({
      descriptor,
      isOpen: true,
      state: { handler: V2, unhandled: Buffer.from([i]), unsent: Buffer.from(`${i}`), peerHasEnded: i === 1 },
    }));
    // There is no manager here that would ever be done.
    store.waitUntilDone = () => {};
    expect(kept.save(STATE, held)).toBe(3);
    const stored = [
      ...descriptors.toReversed().map((descriptor) => passedOn("connection", descriptor)),
      ...passed(),
    ];
    const recovery = KeptConnections.recover(stored, store, log)!;
    expect(recovery).toMatchObject({ hasCrashed: false, lost: 0, agent: STATE });
    expect(recovery.connections.map(({ state }) => state.unhandled[0])).toEqual([2, 1, 0]);
    expect(recovery.connections[1]?.state).toMatchObject({
      peerHasEnded: true,
      socketInode: expect.any(Number),
    });
  });

  test("without the state of the process before are closed", async () => {
    const descriptors = await connections(1);
    expect(KeptConnections.recover([passedOn("connection", descriptors[0]!)], store, log)).toBeNull();
    while (peers[0]?.data.isClosed !== true) await Bun.sleep(1);
  });

  test("with a state that cannot be read are closed, and the log says why", async () => {
    const descriptors = await connections(1);
    const file = store.calls.createMemoryFile("damaged");
    const stored = [passedOn("state", file), passedOn("connection", descriptors[0]!)];
    closeSync(file);
    expect(KeptConnections.recover(stored, store, log)).toBeNull();
    expect(log.messages("warn")).toEqual(["the connections of the process before cannot be taken up"]);
    while (peers[0]?.data.isClosed !== true) await Bun.sleep(1);
  });

  test("are as many as the manager keeps, and no more", async () => {
    const descriptors = await connections(10);
    const { marks } = serve(descriptors);
    // The state and the table are in the store, too.
    expect(marks.filter((mark) => mark !== null)).toHaveLength(6);
  });

  test("nothing stored is nothing to recover", () => {
    expect(KeptConnections.recover([], store, log)).toBeNull();
    expect(received()).toEqual([]);
  });
});

describe.if(process.platform === "linux")("a store", () => {
  test.each([
    ["no manager", undefined, "8"],
    ["no capacity", "/run/notify", undefined],
    ["a capacity of nothing", "/run/notify", "0"],
    ["a capacity that is no number", "/run/notify", "many"],
    ["an address that is none", "tcp:80", "8"],
  ])("does not exist with %s", (_what, address, capacity) => {
    expect(FdStore.open({ address, capacity, log: new RecordedLog() })).toBeNull();
  });

  test("that nobody reads costs a warning", () => {
    const log = new RecordedLog();
    const store = FdStore.open({ address: "/nowhere/notify", capacity: "8", log })!;
    expect(store.add("name", [0])).toBe(false);
    expect(log.messages("warn")).toEqual(["the service manager's store for descriptors cannot be used"]);
  });
});

describe.if(process.platform === "linux")("the table", () => {
  let folder: TemporaryFolder;
  let store: FdStore;
  let file: number;

  beforeEach(() => {
    folder = temporaryFolder();
    store = FdStore.open({ address: folder.file("notify"), capacity: "8", log: new RecordedLog() })!;
    file = store.calls.createMemoryFile("table");
  });

  afterEach(() => {
    closeSync(file);
    folder[Symbol.dispose]();
  });

  test("is read from its file as it was written to memory", () => {
    const table = ConnectionTable.create(file, 4);
    const [a, b] = [table.take(2 ** 40 + 1, V2)!, table.take(7, { protocol: 1 })!];
    a.setCanGoOn(true);
    const v1 = { canGoOn: false, socketInode: 7, handler: { protocol: 1 }, lostEvents: [] };
    expect(readTable(file)).toEqual([
      { canGoOn: true, socketInode: 2 ** 40 + 1, handler: V2, lostEvents: [] },
      v1,
    ]);
    a.free();
    b.setCanGoOn(true);
    expect(readTable(file)).toEqual([{ ...v1, canGoOn: true }]);
    table.clear();
    expect(readTable(file)).toEqual([]);
  });

  test("holds the events that a connection waits for, until their answers have been written", () => {
    const slot = ConnectionTable.create(file, 4).take(1, V2)!;
    const lost = () =>
      readTable(file)[0]!.lostEvents.map(({ type, correlationId }) => `${type} ${correlationId}`);
    const entries = ["a", "ü", "x".repeat(62)].map((id, i) => slot.open(16 + i, id));
    expect(lost().toSorted()).toEqual(["16 a", "17 ü", `18 ${"x".repeat(62)}`]);
    slot.close(entries[1]!);
    expect(lost()).toHaveLength(3);
    slot.forgetAnswered();
    expect(lost().toSorted()).toEqual(["16 a", `18 ${"x".repeat(62)}`]);
  });

  test("leaves out ids that are too long and events beyond its room, and has room again once they are answered", () => {
    const slot = ConnectionTable.create(file, 1).take(1, V2)!;
    for (const id of ["", "x".repeat(63), "ü".repeat(32)]) slot.close(slot.open(16, id));
    slot.forgetAnswered();
    expect(readTable(file)[0]?.lostEvents).toEqual([]);
    const entries = Array.from({ length: 70 }, (_, i) => slot.open(16, `id-${i}`));
    expect(readTable(file)[0]?.lostEvents).toHaveLength(64);
    for (const entry of entries) slot.close(entry);
    slot.forgetAnswered();
    expect(readTable(file)[0]?.lostEvents).toEqual([]);
    for (let i = 0; i < 64; i++) slot.open(16, `again-${i}`);
    expect(readTable(file)[0]?.lostEvents).toHaveLength(64);
  });

  test("gives its slots out again, and says when there is none", () => {
    const table = ConnectionTable.create(file, 2);
    const [first] = [table.take(1, V2)!, table.take(2, V2)!];
    expect(table.take(3, V2)).toBeNull();
    first.open(16, "of the one before");
    first.free();
    expect(table.take(3, V2)).not.toBeNull();
    expect(readTable(file).map(({ socketInode, lostEvents }) => ({ socketInode, lostEvents }))).toEqual([
      { socketInode: 3, lostEvents: [] },
      { socketInode: 2, lostEvents: [] },
    ]);
    expect(ConnectionTable.create(file, 2).take(4, { protocol: 2, proxyVersion: "9".repeat(60) })).toBeNull();
  });

  test("that is none holds nothing", () => {
    expect(readTable(file)).toEqual([]);
    writeSync(file, Buffer.alloc(1000, 0x57), 0, 1000, 0);
    expect(readTable(file)).toEqual([]);
  });
});
