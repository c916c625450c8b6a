/**
 * A Proxy-Wasm guest to call without a socket: loaded, limited and configured as the agent does it. Scripts are for the
 * guest `scripted` (tests/guests-proxy-wasm/scripted.c), which makes the host calls that they name.
 */

import { join } from "node:path";
import type { GuestContext, StatefulFactory, StatefulGuest, StatefulHost } from "../../src/abi/contract.ts";
import type { AbiOptions, ProxyWasmOptions } from "../../src/abi/abi-options.ts";
import { guestLimits } from "../../src/abi/guest-recipe.ts";
import { proxyWasmAbi } from "../../src/abi/proxy-wasm/proxy-wasm-abi.ts";
import type { BodyEvent, HeaderMap, ProxyEvent } from "../../src/event/event.ts";
import { EventFailure } from "../../src/event/failure.ts";
import type { Verdict } from "../../src/event/verdict.ts";
import { type Grants, makeGrantSettings, openGrants } from "../../src/host/grants.ts";
import { GUEST_OUTPUT } from "../../src/wasm/imports/guest-output.ts";
import { LineRate } from "../../src/wasm/imports/line-rate.ts";
import { type LoadedModule, loadModule } from "../../src/wasm/load-module.ts";
import { sampleRequest, sampleResponse } from "./neutral-events.ts";
import { RecordedLog } from "./recorded-log.ts";

const FOLDER = join(import.meta.dir, "../guests-proxy-wasm");

export type ScriptedVersion = "0.1.0" | "0.2.0" | "0.2.1" | "0.2.100";

export interface PluginOptions {
  readonly version?: ScriptedVersion;
  readonly proxyWasm?: Partial<ProxyWasmOptions>;
  readonly timeoutMs?: number;
  readonly grants?: Grants;
  /** Keys beside the script, such as `vm_configuration`. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  readonly limits?: boolean;
  readonly debugEnabled?: boolean;
}

export function pluginPath(name: string): string {
  return join(FOLDER, `${name}.wasm`);
}

/** As the agent loads it, without an instance. */
export async function preparePlugin(
  bytes: Uint8Array<ArrayBuffer>,
  options: PluginOptions = {},
): Promise<{ readonly loaded: LoadedModule; readonly factory: StatefulFactory }> {
  const loaded = await loadModule(bytes, options.limits === false ? null : guestLimits(256 * 1024 * 1024));
  const abiOptions: AbiOptions = {
    abi: "proxy-wasm",
    canonicalHeaderCase: false,
    proxyWasm: { onUnsupported: "fail", ...options.proxyWasm },
  };
  const factory = await proxyWasmAbi.prepare(loaded, abiOptions, null);
  if (!factory.isStateful) throw new Error("the ABI is stateful");
  return { loaded, factory };
}

/** A guest that does what the script's lines say; its log has each callback at debug, each host call at info. */
export async function scripted(script: readonly string[], options: PluginOptions = {}): Promise<Plugin> {
  const bytes = await Bun.file(pluginPath(`scripted-${options.version ?? "0.2.1"}`)).bytes();
  const configuration = { ...options.configuration, plugin_configuration: script.join("\n") };
  return openPlugin(bytes, JSON.stringify(configuration), options);
}

export async function openPlugin(
  bytes: Uint8Array<ArrayBuffer>,
  configJson: string | null,
  options: PluginOptions = {},
): Promise<Plugin> {
  const { factory } = await preparePlugin(bytes, options);
  const plugin = new Plugin(factory, options, configJson);
  const refusal = configJson === null ? null : plugin.guest.configure(configJson, 5000);
  if (refusal !== null) throw refusal;
  plugin.log.lines.length = 0;
  return plugin;
}

export class Plugin {
  readonly log: RecordedLog;
  readonly grants: Grants;
  readonly guest: StatefulGuest;
  readonly #timeoutMs: number;
  /** How often the guest broke outside of an event. */
  brokenCalls = 0;

  constructor(factory: StatefulFactory, options: PluginOptions, configJson: string | null) {
    this.log = new RecordedLog({ debugEnabled: options.debugEnabled ?? true });
    this.grants = options.grants ?? openGrants(makeGrantSettings());
    this.#timeoutMs = options.timeoutMs ?? 1000;
    const host: StatefulHost = {
      slot: 0,
      log: this.log,
      startTimeoutMs: 5000,
      timeoutMs: this.#timeoutMs,
      isMuted: false,
      lineRate: new LineRate({ linesPerSecond: 100_000 }),
      reportedFunctions: new Set(),
      grants: this.grants,
      configJson,
      onBroken: () => {
        this.brokenCalls++;
      },
    };
    this.guest = factory.instantiate(host);
  }

  exchange(): TestExchange {
    return new TestExchange(this.guest.open(), this.#timeoutMs);
  }

  /** What the guest has logged since the last call: its host calls (info) or its callbacks (debug). */
  takeLines(level: "info" | "debug" = "info"): string[] {
    const lines = this.log.lines
      .filter((line) => line.level === level && line.message === GUEST_OUTPUT)
      .map(({ fields }) => String(fields["text"]));
    this.log.lines.length = 0;
    return lines;
  }

  warnings(): string[] {
    return this.log.messages("warn");
  }

  /** Lets timers and call-outs run until the guest has logged a line that contains the text. */
  async untilLogged(text: string): Promise<void> {
    for (let i = 0; i < 2000; i++) {
      if (this.log.lines.some(({ fields }) => String(fields["text"] ?? "").includes(text))) return;
      await Bun.sleep(2);
    }
    throw new Error(`the guest never logged ${JSON.stringify(text)}`);
  }
}

export type Outcome = Verdict | EventFailure;

/** One exchange, event by event. */
export class TestExchange {
  readonly context: GuestContext;
  readonly #timeoutMs: number;

  constructor(context: GuestContext, timeoutMs: number) {
    this.context = context;
    this.#timeoutMs = timeoutMs;
  }

  /** The verdict or the failure; a promise while the guest has paused. */
  call(event: ProxyEvent): Outcome | Promise<Outcome> {
    try {
      const outcome = this.context.call(event, this.#timeoutMs);
      return outcome instanceof Promise ? outcome.catch(toFailure) : outcome;
    } catch (error) {
      return toFailure(error);
    }
  }

  /** For guests that do not pause here. */
  now(event: ProxyEvent): Outcome {
    const outcome = this.call(event);
    if (outcome instanceof Promise) throw new Error("the guest has paused");
    return outcome;
  }

  request(headers: HeaderMap = {}, uri = "/"): Outcome {
    return this.now(request(headers, uri));
  }

  response(status = 200): Outcome {
    return this.now(sampleResponse({ status }));
  }

  end(): void {
    this.context.end("finished", this.#timeoutMs);
  }
}

export function request(headers: HeaderMap = {}, uri = "/"): ProxyEvent {
  return sampleRequest({ uri, headers: { host: ["a.test"], ...headers } });
}

export interface ChunkFacts {
  readonly of?: "request" | "response";
  readonly isLast?: boolean;
  readonly index?: number;
  /** A buffered body, whole or cut. */
  readonly isBuffered?: boolean;
  readonly canReplace?: boolean;
  readonly mustKeepLength?: boolean;
}

export function chunk(content: string | Uint8Array, facts: ChunkFacts = {}): BodyEvent {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const isRequest = (facts.of ?? "request") === "request";
  const isBuffered = facts.isBuffered ?? !isRequest;
  return {
    kind: isRequest ? "request-body-chunk" : "response-body-chunk",
    correlationId: "id",
    bytes,
    isLast: facts.isLast ?? true,
    chunkIndex: facts.index ?? 0,
    totalBytes: isBuffered ? bytes.length : null,
    bytesSoFar: bytes.length,
    context: {
      isTruncated: false,
      canReplace: facts.canReplace ?? !(isRequest && isBuffered),
      mustKeepLength: facts.mustKeepLength ?? false,
    },
  };
}

/** The bytes that take the place of the event's, as text; null when they stay. */
export function replacementOf(outcome: Outcome): string | null {
  if (outcome instanceof EventFailure) throw outcome;
  return outcome.replacement === undefined ? null : Buffer.from(outcome.replacement).toString();
}

/** A verdict or failure in a few words. */
export function wordsOf(outcome: Outcome): string {
  if (outcome instanceof EventFailure) return outcome.code;
  const { decision } = outcome;
  return decision.kind === "block" ? `block ${decision.status} ${decision.body ?? ""}`.trim() : decision.kind;
}

/** Header operations in a few words: `set x-a: 1`, `remove x-b`. */
export function opsOf(
  outcome: Outcome,
  side: "requestHeaders" | "responseHeaders" = "requestHeaders",
): string[] {
  if (outcome instanceof EventFailure) throw outcome;
  return outcome[side].map((op) =>
    op.op === "remove" ? `remove ${op.name}` : `${op.op} ${op.name}: ${op.value}`,
  );
}

function toFailure(error: unknown): EventFailure {
  if (error instanceof EventFailure) return error;
  throw error;
}
