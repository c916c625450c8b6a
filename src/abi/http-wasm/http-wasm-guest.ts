/** One live guest of the http-wasm ABI: started with its configuration, with a context for each exchange. */

import { EventFailure } from "../../event/failure.ts";
import type { Log } from "../../telemetry/log.ts";
import type { GuestHost } from "../../wasm/guest-host.ts";
import type { AbiImports } from "../../wasm/imports/abi-imports.ts";
import type { LoadedModule } from "../../wasm/load-module.ts";
import { ModuleError } from "../../wasm/module-error.ts";
import { type StartedInstance, startInstance } from "../../wasm/start-instance.ts";
import type { GuestContext, StatefulGuest } from "../contract.ts";
import type { BodyMemory } from "./body-memory.ts";
import { CallState } from "./call-state.ts";
import type { ContextHost } from "./context-host.ts";
import { GuestBuffers } from "./guest-buffers.ts";
import { HandlerRunner } from "./handler-runner.ts";
import { findHandlers } from "./handlers.ts";
import { HOST_MODULE, hostFunctions } from "./host-functions/host-functions.ts";
import { HttpWasmContext } from "./http-wasm-context.ts";
import type { LostChanges } from "./lost-changes.ts";

/** What was found out about the module, for all of its instances. */
export interface GuestPlan {
  readonly loaded: LoadedModule;
  readonly packedResults: WebAssembly.Module;
  readonly readsBodies: boolean;
  readonly writesBodies: boolean;
  readonly sharesInstance: boolean;
  readonly bodies: BodyMemory;
  /** What an instance reads with `get_config`, by the proxy's `config` block as JSON text; null for none. */
  configurationFor(configJson: string | null): Buffer;
}

/** In this order, as far as the guest has them. */
const STARTS: readonly string[] = ["_start", "_initialize"];

/** @throws ModuleError when it cannot be instantiated, or fails while it starts */
export function startHttpWasmGuest(plan: GuestPlan, host: GuestHost, lost: LostChanges): HttpWasmGuest {
  const state = new CallState(plan.configurationFor(host.configJson ?? null));
  let runner: HandlerRunner | null = null;
  const imports: AbiImports = {
    summary: "http-wasm's http_handler",
    functions: (module, importHost) => {
      if (module !== HOST_MODULE) return null;
      const buffers = new GuestBuffers(importHost);
      // A guest that starts reads no bodies, so nothing waits before there is a runner.
      return hostFunctions(state, buffers, importHost, plan.packedResults, () => runner!.wait());
    },
  };
  const started = start(plan.loaded, host, imports);
  runner = new HandlerRunner(started, state, findHandlers(plan.loaded, started.exports));
  return new HttpWasmGuest(plan, host, started, runner, state, lost);
}

function start(loaded: LoadedModule, host: GuestHost, imports: AbiImports): StartedInstance {
  try {
    return startInstance(loaded, host, imports, STARTS);
  } catch (error) {
    throw hasExitedWell(error) ? exitedWell(error) : error;
  }
}

function hasExitedWell(error: unknown): boolean {
  const cause = error instanceof ModuleError ? error.cause : null;
  return cause instanceof EventFailure && cause.code === "guest-exit" && cause.details["exit_code"] === 0;
}

function exitedWell(cause: unknown): ModuleError {
  return new ModuleError(
    "module-start-failed",
    "the module ran to its end and exited with code 0 while it started, so nothing of it is left to call; build it as a library: -buildmode=c-shared with the set-up in init (Go, TinyGo), or a cdylib with _initialize (Rust)",
    { cause },
  );
}

export class HttpWasmGuest implements StatefulGuest, ContextHost {
  readonly lost: LostChanges;
  readonly bodies: BodyMemory;
  readonly features: number;
  readonly readsBodies: boolean;
  readonly writesBodies: boolean;
  readonly canSuspend: boolean;
  readonly runner: HandlerRunner;
  ending: Promise<void> | null = null;
  readonly #started: StartedInstance;
  readonly #plan: GuestPlan;
  readonly #configuration: Buffer;
  readonly #log: Log;
  readonly #reported: Set<string>;
  readonly #notifyBroken: () => void;
  readonly #recycleGcBytes: number;
  #isClosed = false;

  constructor(
    plan: GuestPlan,
    host: GuestHost,
    started: StartedInstance,
    runner: HandlerRunner,
    state: CallState,
    lost: LostChanges,
  ) {
    this.lost = lost;
    this.bodies = plan.bodies;
    this.features = state.features;
    this.readsBodies = plan.readsBodies;
    this.writesBodies = plan.writesBodies;
    this.canSuspend = !plan.sharesInstance;
    this.runner = runner;
    this.#started = started;
    this.#plan = plan;
    this.#configuration = state.configuration;
    this.#log = host.log;
    this.#reported = host.reportedFunctions;
    this.#notifyBroken = () => host.onBroken?.();
    // Half of the cap is left for the one call that needs much.
    this.#recycleGcBytes = (plan.loaded.limits?.maxMemoryBytes ?? Number.POSITIVE_INFINITY) / 2;
  }

  get isBroken(): boolean {
    return this.runner.isBroken;
  }

  /** Objects of the garbage collector cannot be told from garbage, so all that were ever made count (RATIONALE.md). */
  get isDueForRecycling(): boolean {
    return this.#started.readGcBytes() > this.#recycleGcBytes;
  }

  get memoryBytes(): number {
    return this.#started.memory?.buffer.byteLength ?? 0;
  }

  get fuelUsed(): number | null {
    return this.#started.fuel.used;
  }

  /** The guest has read its configuration while it started: another one needs another instance. */
  configure(configJson: string): EventFailure | null {
    if (this.#configuration.equals(this.#plan.configurationFor(configJson))) return null;
    return new EventFailure(
      "guest-configuration-refused",
      "a module of the http-wasm ABI reads its configuration when it starts, and this instance has started with another one",
    );
  }

  open(): GuestContext {
    return new HttpWasmContext(this);
  }

  close(): void {
    this.#isClosed = true;
  }

  reportEnd(error: unknown): void {
    const failure = error instanceof EventFailure ? error : null;
    const reason = error instanceof Error ? error.message : String(error);
    const key = `http-wasm end ${reason}`;
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    this.#log.error(
      "a handler failed at the end of an exchange, whose events are answered already (said once)",
      {
        code: failure?.code ?? "agent-internal",
        reason,
      },
    );
  }

  onBroken(): void {
    if (!this.#isClosed) this.#notifyBroken();
  }
}
