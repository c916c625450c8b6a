/**
 * What the host functions of one instance share: its memory, the contexts it knows, and which of them is being served.
 * A callback is entered and left here, and everything that may not happen inside of one waits until it is left.
 */

import { EventFailure } from "../../event/failure.ts";
import type { CalloutRefusal, CalloutRequest } from "../../host/callouts.ts";
import type { Grants } from "../../host/grants.ts";
import type { LogFields } from "../../telemetry/log.ts";
import type { ImportHost } from "../../wasm/imports/import-host.ts";
import { Status } from "./abi-numbers.ts";
import type { AbiVersion } from "./abi-version.ts";
import type { CallResult } from "./call-result.ts";
import { GuestView } from "./guest-view.ts";
import type { HttpStream } from "./http-stream.ts";
import type { PluginConfiguration } from "./plugin-configuration.ts";
import { MapWriter } from "./serialized-map.ts";

/** What the guest is doing; host functions other than log, clocks and WASI belong into callbacks. */
export type Phase = "start" | "callback" | "allocating" | "idle";

/** What host functions ask of the instance that they belong to. */
export interface PluginActions {
  /** 0 stops the ticks. */
  setTickPeriod(periodMs: number): void;
  /** The queue's id; null when there are too many. */
  registerQueue(name: Uint8Array): number | null;
  /** The call's id, or why it is not made. */
  startCall(request: CalloutRequest): number | CalloutRefusal;
}

export interface PluginStateParts {
  readonly imports: ImportHost;
  readonly version: AbiVersion;
  readonly configuration: PluginConfiguration;
  readonly grants: Grants;
  readonly actions: PluginActions;
  /** Warns once for each `key`, in the life of a ring. */
  readonly warnOnce: (key: string, message: string, fields?: LogFields) => void;
}

export class PluginState {
  readonly imports: ImportHost;
  readonly version: AbiVersion;
  configuration: PluginConfiguration;
  readonly grants: Grants;
  readonly actions: PluginActions;
  readonly warnOnce: (key: string, message: string, fields?: LogFields) => void;
  readonly mapWriter = new MapWriter();
  readonly streams = new Map<number, HttpStream>();
  readonly rootId = 1;
  phase: Phase = "start";
  /** `proxy_on_vm_start` is being called, for which 0.1.0 has the same function to read its configuration with. */
  isStartingVm = false;
  /** Resolved after the start; asked for the bytes that the host returns. */
  allocator: (sizeBytes: number) => number = () => 0;
  /** The answer to a call-out, while the guest is told of it. */
  callResult: CallResult | null = null;
  #view: GuestView | null = null;
  /** Of the callback; null for the root. */
  #current: HttpStream | null = null;
  /** What the guest put in its place: a stream, or null for the root; undefined for nothing. */
  #effective: HttpStream | null | undefined;
  #deferred: (() => void)[] = [];

  constructor(parts: PluginStateParts) {
    this.imports = parts.imports;
    this.version = parts.version;
    this.configuration = parts.configuration;
    this.grants = parts.grants;
    this.actions = parts.actions;
    this.warnOnce = parts.warnOnce;
  }

  /** The guest's memory of this moment: to be taken once by each host function, and again after `allocate`. */
  get memory(): GuestView {
    const view = this.#view ?? this.#attach();
    view.refresh();
    return view;
  }

  /** The stream that host functions act on; null for the root context. */
  get stream(): HttpStream | null {
    const effective = this.#effective;
    if (effective === undefined) return this.#current;
    // One that has ended meanwhile does not count any more.
    return effective === null || this.streams.has(effective.id) ? effective : this.#current;
  }

  /** A callback begins, of a stream or (null) of the root. */
  enter(stream: HttpStream | null): void {
    this.phase = "callback";
    this.#current = stream;
    this.#effective = undefined;
  }

  leave(): void {
    this.phase = "idle";
    this.#current = null;
    this.#effective = undefined;
  }

  /** False for a context that does not exist. */
  setEffective(id: number): boolean {
    const stream = id === this.rootId ? null : this.streams.get(id);
    if (stream === undefined) return false;
    this.#effective = stream;
    return true;
  }

  /** To be done when the callback has returned and the guest may be called again. */
  defer(action: () => void): void {
    this.#deferred.push(action);
  }

  runDeferred(): void {
    while (this.#deferred.length > 0) {
      const actions = this.#deferred;
      this.#deferred = [];
      for (const action of actions) action();
    }
  }

  /** The guest is gone, and nothing of it is to be done. */
  dropDeferred(): void {
    this.#deferred = [];
  }

  /** Whether host functions may act. A guest that calls one while it starts or allocates has broken the ABI. */
  assertCallback(name: string): void {
    if (this.phase === "callback") return;
    const when = this.phase === "allocating" ? "in its allocator" : "before it was started";
    this.imports.end(
      new EventFailure(
        "guest-forbidden-call",
        `the guest called ${name} ${when}, where it may only log, read clocks and use WASI`,
      ),
    );
  }

  /** Asks the guest for room. 0 when it has none, or names memory that does not exist. */
  allocate(sizeBytes: number): number {
    this.phase = "allocating";
    try {
      const pointer = this.allocator(sizeBytes) >>> 0;
      return this.memory.holds(pointer, sizeBytes) ? pointer : 0;
    } finally {
      this.phase = "callback";
    }
  }

  /** Hands a copy of the bytes to the guest, whose they are from then on. */
  give(bytes: Uint8Array, pointerAt: number, sizeAt: number): number {
    const memory = this.memory;
    if (!memory.holds(pointerAt, 4) || !memory.holds(sizeAt, 4)) return Status.invalidMemoryAccess;
    // The allocator is never asked for nothing: that of Go panics.
    const pointer = bytes.length === 0 ? 0 : this.allocate(bytes.length);
    if (pointer === 0 && bytes.length > 0) return Status.invalidMemoryAccess;
    const { bytes: after, data } = this.memory;
    after.set(bytes, pointer);
    data.setUint32(pointerAt, pointer, true);
    data.setUint32(sizeAt, bytes.length, true);
    this.imports.work(bytes.length >>> 3);
    return Status.ok;
  }

  /** As `give`, of a text in UTF-8. */
  giveText(text: string, pointerAt: number, sizeAt: number): number {
    const memory = this.memory;
    if (!memory.holds(pointerAt, 4) || !memory.holds(sizeAt, 4)) return Status.invalidMemoryAccess;
    const length = Buffer.byteLength(text);
    const pointer = length === 0 ? 0 : this.allocate(length);
    if (pointer === 0 && length > 0) return Status.invalidMemoryAccess;
    const { bytes, data } = this.memory;
    // Equal lengths mean ASCII, where Latin-1 is the same bytes and cheaper to write.
    if (length > 0) bytes.write(text, pointer, length, length === text.length ? "latin1" : "utf8");
    data.setUint32(pointerAt, pointer, true);
    data.setUint32(sizeAt, length, true);
    this.imports.work(length >>> 3);
    return Status.ok;
  }

  /**
   * For a call that means nothing at the moment, such as writing to headers that are gone: it does nothing, with a
   * warning. The status that Envoy returns would make Rust guests trap (docs/proxy-wasm.md 3).
   */
  misuse(name: string, reason: string): number {
    this.warnOnce(`${name} ${reason}`, `the module called ${name}, but ${reason}; nothing was done`);
    return Status.ok;
  }

  /** The guest asked for more than there is. */
  reportFull(what: string): void {
    this.warnOnce(`full ${what}`, `the module found no more room in ${what}`);
  }

  #attach(): GuestView {
    this.#view = new GuestView(this.imports.exports["memory"] as WebAssembly.Memory);
    return this.#view;
  }
}
