/**
 * Connections that outlive the process with the help of the service manager (os/fd-store.ts): when the agent is asked to
 * stop, all of them with their state; when it is killed, those of which the table says that somebody else can go on.
 */

import { closeSync, fstatSync } from "node:fs";
import type { FdStore } from "../../os/fd-store.ts";
import type { Log } from "../../telemetry/log.ts";
import type { ConnectionMark } from "../../transport/uds/connection-mark.ts";
import type { ConnectionState, HeldConnection } from "../../transport/uds/connection-state.ts";
import { type PassedDescriptor, STORED_PREFIX } from "../../transport/uds/inherited-socket.ts";
import type { Listener } from "../../transport/uds/listener.ts";
import type { AgentState } from "./agent-state.ts";
import { ConnectionTable, readTable } from "./connection-table.ts";
import { readSnapshot, type Snapshot, writeSnapshot } from "./snapshot.ts";

const STATE = `${STORED_PREFIX}state`;
const TABLE = `${STORED_PREFIX}table`;
const CONNECTION = `${STORED_PREFIX}connection`;
/** Of the descriptors that can be stored, those that are no connections. */
const OWN_DESCRIPTORS = 2;

/** Connections that live for less are not worth a word with the service manager. */
const KEEP_EVERY_MS = 1000;
const MAX_KEPT_AT_ONCE = 64;
const STORE_WITHIN_MS = 2000;

/** What the process before left. */
export interface Recovery {
  readonly agent: AgentState;
  readonly connections: readonly { readonly descriptor: number; readonly state: ConnectionState }[];
  /** It was not asked to stop. */
  readonly hasCrashed: boolean;
  /** Stored connections that nobody can go on with. */
  readonly lost: number;
}

const EMPTY_STATE: AgentState = {
  proxyConfig: null,
  counters: {},
  exchanges: [],
  takeovers: 0,
};
const NO_BYTES = Buffer.alloc(0);

export class KeptConnections {
  readonly #store: FdStore;
  readonly #log: Log;
  readonly #table: ConnectionTable;
  readonly #stateFile: number;
  readonly #capacity: number;
  /** In the store already, by the inode of the socket. */
  readonly #stored = new Set<number>();
  #writtenConfig: string | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;

  /** What an earlier process stored must have been recovered. */
  constructor(store: FdStore, log: Log) {
    this.#store = store;
    this.#log = log;
    this.#capacity = Math.max(0, store.capacity - OWN_DESCRIPTORS);
    this.#stateFile = store.calls.createMemoryFile(STATE);
    const tableFile = store.calls.createMemoryFile(TABLE);
    this.#table = ConnectionTable.create(tableFile, this.#capacity);
    this.#write({ agent: EMPTY_STATE, connections: [] });
    store.add(STATE, [this.#stateFile]);
    store.add(TABLE, [tableFile]);
    closeSync(tableFile);
  }

  /**
   * What an earlier process stored; null when there was none. Connections that cannot be gone on with are closed. From
   * here on, nobody recovers them once more: their streams go on.
   */
  static recover(stored: readonly PassedDescriptor[], store: FdStore, log: Log): Recovery | null {
    const named = (wanted: string) =>
      stored.filter(({ name }) => name === wanted).map(({ descriptor }) => descriptor);
    const [stateFile] = named(STATE);
    const [tableFile] = named(TABLE);
    const snapshot = stateFile === undefined ? null : readState(stateFile, log);
    const saved = new Map(snapshot?.connections.map((state) => [state.socketInode, state]));
    const entries = tableFile === undefined || snapshot === null ? [] : readTable(tableFile);
    const inTable = new Map(entries.map((entry) => [entry.socketInode, entry]));
    for (const name of [STATE, TABLE]) {
      if (named(name).length > 0) store.remove(name);
      for (const descriptor of named(name)) closeSync(descriptor);
    }
    const connections: { descriptor: number; state: ConnectionState }[] = [];
    let lost = 0;
    for (const descriptor of named(CONNECTION)) {
      const inode = inodeOf(descriptor);
      const entry = inTable.get(inode);
      const state =
        saved.get(inode) ??
        (entry?.canGoOn === true
          ? {
              handler: entry.handler,
              unhandled: NO_BYTES,
              unsent: NO_BYTES,
              peerHasEnded: false,
              lostEvents: entry.lostEvents,
            }
          : null);
      if (state === null) {
        lost++;
        end(store, descriptor);
      } else {
        connections.push({ descriptor, state });
      }
    }
    if (snapshot === null) return null;
    return { agent: snapshot.agent, connections, hasCrashed: entries.length > 0, lost };
  }

  /** Connections that were recovered and are not wanted. */
  static discard({ connections }: Recovery, store: FdStore): void {
    for (const { descriptor } of connections) end(store, descriptor);
  }

  /** From now on new connections are kept, and their marks in the table are up to date. */
  start(listener: Listener, recovered: Recovery | null): void {
    for (const { descriptor } of recovered?.connections ?? []) this.#stored.add(inodeOf(descriptor));
    const keep = () => listener.markConnections((...args) => this.#mark(...args), MAX_KEPT_AT_ONCE);
    keep();
    this.#timer = setInterval(keep, KEEP_EVERY_MS);
    this.#timer.unref();
  }

  /**
   * For a process that comes after a crash: what the proxy has configured will not be said again. What else the agent
   * knows changes too often to be written each time.
   */
  writeConfig(proxyConfig: string | null): void {
    if (proxyConfig === this.#writtenConfig) return;
    this.#writtenConfig = proxyConfig;
    this.#write({ agent: { ...EMPTY_STATE, proxyConfig }, connections: [] });
  }

  /** Everything that is held, for the process that comes next. How many connections will be there for it. */
  save(agent: AgentState, held: readonly HeldConnection[]): number {
    if (this.#timer !== null) clearInterval(this.#timer);
    const kept = held.slice(0, this.#capacity);
    const saved = kept.map(({ descriptor, state }) => ({ ...state, socketInode: inodeOf(descriptor) }));
    if (!this.#write({ agent, connections: saved })) return 0;
    const descriptors = kept.map(({ descriptor }) => descriptor);
    const missing = descriptors.filter((_, i) => !this.#stored.has(saved[i]!.socketInode));
    this.#table.clear();
    const isSent = this.#store.add(CONNECTION, missing);
    this.#store.waitUntilDone(STORE_WITHIN_MS);
    return isSent ? kept.length : kept.length - missing.length;
  }

  #mark(descriptor: number, handler: Parameters<ConnectionTable["take"]>[1]): ConnectionMark | null {
    const inode = inodeOf(descriptor);
    const slot = this.#table.take(inode, handler);
    if (slot === null) return null;
    if (!this.#stored.has(inode)) {
      if (!this.#store.add(CONNECTION, [descriptor])) {
        slot.free();
        return null;
      }
      this.#stored.add(inode);
    }
    const onClosed = () => {
      slot.free();
      this.#stored.delete(inode);
    };
    return {
      journal: slot,
      set: (canGoOn) => slot.setCanGoOn(canGoOn),
      onDelivered: () => slot.forgetAnswered(),
      onClosing: () => {
        this.#store.calls.shutDown(descriptor);
        onClosed();
      },
      onClosed,
    };
  }

  #write(snapshot: Snapshot): boolean {
    try {
      writeSnapshot(this.#stateFile, snapshot);
      return true;
    } catch (error) {
      this.#log.warn("connections will not outlive this process", { reason: (error as Error).message });
      return false;
    }
  }
}

function readState(file: number, log: Log): Snapshot | null {
  try {
    return readSnapshot(file);
  } catch (error) {
    log.warn("the connections of the process before cannot be taken up", {
      reason: (error as Error).message,
    });
    return null;
  }
}

/** The service manager has a duplicate: closing this one alone would leave the peer waiting. */
function end(store: FdStore, descriptor: number): void {
  try {
    store.calls.shutDown(descriptor);
  } catch {
    // The peer was faster.
  }
  closeSync(descriptor);
}

function inodeOf(descriptor: number): number {
  return fstatSync(descriptor).ino;
}
