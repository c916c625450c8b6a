/**
 * One live Proxy-Wasm instance: its root context, the streams in it, and what happens without an event (ticks, notices of
 * queues, answers to call-outs). Never re-entered: what comes while the guest runs waits until it has returned.
 */

import { EventFailure } from "../../event/failure.ts";
import type { CalloutRefusal, CalloutRequest } from "../../host/callouts.ts";
import type { Grants } from "../../host/grants.ts";
import type { LogFields } from "../../telemetry/log.ts";
import type { ImportHost } from "../../wasm/imports/import-host.ts";
import type { LoadedModule } from "../../wasm/load-module.ts";
import { ModuleError } from "../../wasm/module-error.ts";
import { callAtStart, type StartedInstance, startInstance } from "../../wasm/start-instance.ts";
import type { ProxyWasmOptions } from "../abi-options.ts";
import type { StatefulHost } from "../contract.ts";
import type { CallResult } from "./call-result.ts";
import { EditVerdicts } from "./edit-verdict.ts";
import { GuestCalls } from "./guest-calls.ts";
import { type GuestCallbacks, type GuestOutline, resolveCallbacks } from "./guest-exports.ts";
import type { HttpContext } from "./http-context.ts";
import { proxyWasmImports } from "./imports.ts";
import { PluginCalls } from "./plugin-calls.ts";
import { EMPTY_CONFIGURATION, type PluginConfiguration } from "./plugin-configuration.ts";
import { type PluginActions, PluginState } from "./plugin-state.ts";
import type { MessageCallback, StreamOwner } from "./stream-owner.ts";
import { TickTimer } from "./tick-timer.ts";

export interface PluginParts {
  readonly loaded: LoadedModule;
  readonly outline: GuestOutline;
  readonly options: ProxyWasmOptions;
  readonly host: StatefulHost;
  readonly grants: Grants;
}

const CONTINUE = 0;
const MAX_CONTEXT_ID = 0xffff_ffff;
/** Streams whose guest has asked for time at their end; the oldest of more is ended at once. */
const MAX_FINISHING = 256;

export class Plugin implements StreamOwner, PluginActions {
  readonly callbacks: GuestCallbacks;
  readonly options: ProxyWasmOptions;
  readonly verdicts = new EditVerdicts();
  readonly #parts: PluginParts;
  readonly #started: StartedInstance;
  readonly #state: PluginState;
  readonly #calls: GuestCalls;
  readonly #callouts: PluginCalls;
  readonly #ticks: TickTimer;
  readonly #queues: number[] = [];
  readonly #finishing = new Set<HttpContext>();
  readonly #streams = new Set<HttpContext>();
  #timeoutMs = 0;
  #spentMs = 0;
  #lastContextId = 1;
  #isBooted = false;
  #isClosed = false;

  /** Instantiates the module and runs its start. @throws ModuleError */
  constructor(parts: PluginParts) {
    this.#parts = parts;
    this.options = parts.options;
    let state: PluginState | null = null;
    const stateOf = (imports: ImportHost): PluginState => {
      state ??= this.#makeState(imports);
      return state;
    };
    this.#started = startInstance(parts.loaded, parts.host, proxyWasmImports(parts.loaded.imports, stateOf));
    this.#state = stateOf(this.#started.imports);
    runMain(this.#started, parts.host.startTimeoutMs);
    this.#state.allocator = this.#started.exports[parts.outline.allocator] as (sizeBytes: number) => number;
    this.callbacks = resolveCallbacks(this.#started.exports, parts.outline.callbacks);
    this.#calls = new GuestCalls(this.#started, this.#state, () => this.#onBroken());
    this.#callouts = new PluginCalls(parts.grants.callouts, (call, result, reason) =>
      this.#onCallEnd(call, result, reason),
    );
    this.#ticks = new TickTimer(() => this.#onTick());
  }

  get isBroken(): boolean {
    return this.#calls.isBroken;
  }

  get memoryBytes(): number {
    return this.#state.memory.sizeBytes;
  }

  get fuelUsed(): number | null {
    return this.#calls.fuelUsed;
  }

  get stopsHeadersAlone(): boolean {
    return this.#state.configuration.stopsHeadersAlone ?? this.#state.version.stopsHeadersAlone;
  }

  readGcBytes(): number {
    return this.#started.readGcBytes();
  }

  /** Makes the root context and configures it. Null when the guest accepts. */
  boot(configuration: PluginConfiguration, timeoutMs: number): EventFailure | null {
    this.#state.configuration = configuration;
    this.#parts.grants.sharedData.retain(configuration.vmId);
    this.#isBooted = true;
    const { onContextCreate, onVmStart } = this.callbacks;
    const { rootId } = this.#state;
    const failure = this.#callRoot("proxy_on_context_create", timeoutMs, () => {
      onContextCreate?.(rootId, 0);
      return 1;
    });
    if (failure !== null) return failure;
    this.#state.isStartingVm = true;
    const vmFailure = this.#callRoot("proxy_on_vm_start", timeoutMs, () =>
      onVmStart === null ? 1 : onVmStart(rootId, configuration.vm.length),
    );
    this.#state.isStartingVm = false;
    return vmFailure ?? this.#configureRoot(timeoutMs);
  }

  /** A new configuration for a guest that serves already. */
  reconfigure(configuration: PluginConfiguration, timeoutMs: number): EventFailure | null {
    this.#state.configuration = { ...this.#state.configuration, plugin: configuration.plugin };
    return this.#configureRoot(timeoutMs);
  }

  /** Makes a stream context and deletes it again: modules that have nothing but a root context trap. Null for all others. */
  tryStream(timeoutMs: number): EventFailure | null {
    const { onContextCreate, onDelete } = this.callbacks;
    const id = this.#nextContextId();
    return this.#callRoot("proxy_on_context_create", timeoutMs, () => {
      onContextCreate?.(id, this.#state.rootId);
      onDelete?.(id);
      return 1;
    });
  }

  giveTime(timeoutMs: number, spentMs: number): void {
    this.#timeoutMs = timeoutMs;
    this.#spentMs = spentMs;
  }

  createStream(stream: HttpContext, callback: MessageCallback, end: number): number {
    if (this.#calls.isBroken) throw this.#calls.lost();
    stream.id = this.#nextContextId();
    this.#state.streams.set(stream.id, stream);
    this.#streams.add(stream);
    this.#calls.begin(stream, this.#timeoutMs, this.#spentMs);
    let name = "proxy_on_context_create";
    try {
      this.callbacks.onContextCreate?.(stream.id, this.#state.rootId);
      this.#calls.assertEndedWell(name);
      name = "proxy_on_request_headers";
      const pairs = stream.admit();
      const action = callback === null ? CONTINUE : callback(stream.id, pairs, end);
      this.#calls.assertEndedWell(name);
      return action;
    } catch (thrown) {
      throw this.#calls.fail(thrown, name);
    } finally {
      this.#calls.finish();
    }
  }

  callStream(
    stream: HttpContext,
    name: string,
    callback: MessageCallback,
    size: number,
    end: number,
  ): number {
    if (this.#calls.isBroken || stream.id === 0) throw this.#calls.lost();
    if (callback === null) return CONTINUE;
    this.#calls.begin(stream, this.#timeoutMs, this.#spentMs);
    try {
      const action = callback(stream.id, size, end);
      this.#calls.assertEndedWell(name);
      return action;
    } catch (thrown) {
      throw this.#calls.fail(thrown, name);
    } finally {
      this.#calls.finish();
    }
  }

  endStream(stream: HttpContext): boolean {
    this.#streams.delete(stream);
    if (this.#calls.isBroken || this.#isClosed) return true;
    this.#calls.begin(stream, this.#timeoutMs, this.#spentMs);
    let name = "proxy_on_done";
    try {
      const { onDone } = this.callbacks;
      const isDone = onDone === null || onDone(stream.id) !== 0;
      this.#calls.assertEndedWell(name);
      if (!isDone) return this.#letFinish(stream);
      name = "proxy_on_log";
      this.callbacks.onLog?.(stream.id);
      this.#calls.assertEndedWell(name);
      name = "proxy_on_delete";
      this.callbacks.onDelete?.(stream.id);
      this.#calls.assertEndedWell(name);
      this.#state.streams.delete(stream.id);
    } catch (thrown) {
      this.#report(this.#calls.fail(thrown, name));
    } finally {
      this.#calls.finish();
      this.runDeferred();
    }
    return true;
  }

  deleteStream(stream: HttpContext): void {
    if (!this.#finishing.delete(stream)) return;
    const { onLog, onDelete } = this.callbacks;
    this.#inBackground(stream, "proxy_on_log", () => {
      onLog?.(stream.id);
      onDelete?.(stream.id);
    });
    this.#state.streams.delete(stream.id);
  }

  hasCallFor(stream: HttpContext): boolean {
    return this.#callouts.hasCallFor(stream.id);
  }

  defer(action: () => void): void {
    this.#state.defer(action);
  }

  runDeferred(): void {
    this.#state.runDeferred();
  }

  warnOnce(key: string, message: string, fields: LogFields = {}): void {
    const { log, slot, reportedFunctions } = this.#parts.host;
    const reported = `proxy-wasm ${key}`;
    if (reportedFunctions.has(reported)) return;
    reportedFunctions.add(reported);
    log.warn(`${message} (said once)`, { slot, ...fields });
  }

  setTickPeriod(periodMs: number): void {
    this.#ticks.setPeriod(this.callbacks.onTick === null ? 0 : periodMs);
  }

  registerQueue(name: Uint8Array): number | null {
    const { sharedQueues } = this.#parts.grants;
    const opened = sharedQueues.register(this.#state.configuration.vmId, name, (queue) =>
      this.#onQueueReady(queue),
    );
    if (opened === null) return null;
    this.#queues.push(opened.registration);
    return opened.queue;
  }

  startCall(request: CalloutRequest): number | CalloutRefusal {
    const call = this.#callouts.start(request, this.#state.stream?.id ?? 0);
    if (call === "not-granted") {
      this.warnOnce(
        "call not granted",
        "the module calls an upstream that the operator has not named; --allow-callout <upstream>=<url> does",
        { upstream: request.upstream },
      );
    }
    return call;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#ticks.stop();
    this.#callouts.close();
    for (const registration of this.#queues) this.#parts.grants.sharedQueues.unregister(registration);
    if (this.#isBooted) this.#parts.grants.sharedData.release(this.#state.configuration.vmId);
    this.#state.dropDeferred();
    this.#state.streams.clear();
    this.#finishing.clear();
    for (const stream of this.#streams) stream.rejectHeld("the instance that held it is gone");
    this.#streams.clear();
  }

  #makeState(imports: ImportHost): PluginState {
    const { outline, grants } = this.#parts;
    return new PluginState({
      imports,
      version: outline.version,
      configuration: EMPTY_CONFIGURATION,
      grants,
      actions: this,
      warnOnce: (key, message, fields) => this.warnOnce(key, message, fields),
    });
  }

  #configureRoot(timeoutMs: number): EventFailure | null {
    const { onConfigure } = this.callbacks;
    return this.#callRoot("proxy_on_configure", timeoutMs, () =>
      onConfigure === null ? 1 : onConfigure(this.#state.rootId, this.#state.configuration.plugin.length),
    );
  }

  /** A callback of the root that answers 1 when it accepts. */
  #callRoot(name: string, timeoutMs: number, callback: () => number): EventFailure | null {
    this.#calls.begin(null, timeoutMs);
    try {
      const answer = callback();
      this.#calls.assertEndedWell(name);
      if (answer !== 0) return null;
      return new EventFailure("guest-configuration-refused", `the module's ${name} answered 0; 1 accepts`);
    } catch (thrown) {
      return this.#calls.fail(thrown, name);
    } finally {
      this.#calls.finish();
      this.runDeferred();
    }
  }

  /** The guest wants time for the end of its stream; `proxy_done` says when it has had it. */
  #letFinish(stream: HttpContext): boolean {
    this.#finishing.add(stream);
    if (this.#finishing.size > MAX_FINISHING) {
      const [oldest] = this.#finishing;
      this.defer(() => this.deleteStream(oldest!));
    }
    return false;
  }

  #onTick(): void {
    const { onTick } = this.callbacks;
    this.#inBackground(null, "proxy_on_tick", () => onTick?.(this.#state.rootId));
  }

  #onQueueReady(queue: number): void {
    const { onQueueReady } = this.callbacks;
    this.#inBackground(null, "proxy_on_queue_ready", () => onQueueReady?.(this.#state.rootId, queue));
  }

  #onCallEnd(call: number, result: CallResult | null, reason: string): void {
    const { onCallResponse } = this.callbacks;
    const { host } = this.#parts;
    if (result === null)
      host.log.debug("a call of the module brought no response", { slot: host.slot, reason });
    this.#inBackground(null, "proxy_on_http_call_response", () => {
      this.#state.callResult = result;
      try {
        onCallResponse?.(
          this.#state.rootId,
          call,
          result?.headers.names.length ?? 0,
          result?.body.length ?? 0,
          result?.trailers.names.length ?? 0,
        );
      } finally {
        this.#state.callResult = null;
      }
    });
  }

  /** A callback without an event: nobody learns of its failure but the log and whoever holds the instance. */
  #inBackground(stream: HttpContext | null, name: string, callback: () => void): void {
    if (this.#calls.isBroken || this.#isClosed) return;
    const { host } = this.#parts;
    this.#calls.begin(stream, host.timeoutMs ?? host.startTimeoutMs);
    try {
      callback();
      this.#calls.assertEndedWell(name);
    } catch (thrown) {
      this.#report(this.#calls.fail(thrown, name));
      host.onBroken?.();
    } finally {
      this.#calls.finish();
      this.runDeferred();
    }
  }

  #report({ code, message }: EventFailure): void {
    const { log, slot } = this.#parts.host;
    log.error("the module failed in a call that belongs to no event", { slot, code, reason: message });
  }

  /** What waits for the guest waits in vain. */
  #onBroken(): void {
    this.#ticks.stop();
    this.#callouts.close();
    this.#state.dropDeferred();
    for (const stream of this.#streams) stream.rejectHeld("the instance that held it has failed");
  }

  /** Never one that is in use; after the last number there is, the first ones again. */
  #nextContextId(): number {
    do this.#lastContextId = this.#lastContextId === MAX_CONTEXT_ID ? 2 : this.#lastContextId + 1;
    while (this.#state.streams.has(this.#lastContextId));
    return this.#lastContextId;
  }
}

/** After `_initialize`, which `startInstance` runs: `main` of a reactor, or the whole start of a command. */
function runMain(started: StartedInstance, timeoutMs: number): void {
  const { exports, imports } = started;
  if (typeof exports["_initialize"] === "function") {
    callAtStart(started, typeof exports["main"] === "function" ? "main" : "__main_void", timeoutMs);
    return;
  }
  try {
    callAtStart(started, "_start", timeoutMs);
  } catch (error) {
    if (!(error instanceof ModuleError) || !isExitWithZero(error.cause)) throw error;
    // How commands of some toolchains end that have done what they had to.
    imports.clearFatal();
  }
}

function isExitWithZero(cause: unknown): boolean {
  return cause instanceof EventFailure && cause.code === "guest-exit" && cause.details["exit_code"] === 0;
}
