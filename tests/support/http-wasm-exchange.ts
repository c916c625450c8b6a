/** A guest of the http-wasm ABI without a ring, and exchanges with it, event by event. */

import { type AbiOptions, DEFAULT_HTTP_WASM, type HttpWasmOptions } from "../../src/abi/abi-options.ts";
import type { GuestContext, StatefulFactory, StatefulGuest } from "../../src/abi/contract.ts";
import { httpWasmAbi } from "../../src/abi/http-wasm/http-wasm-abi.ts";
import type { HeaderMap, ProxyEvent } from "../../src/event/event.ts";
import { EventFailure } from "../../src/event/failure.ts";
import type { Verdict } from "../../src/event/verdict.ts";
import { LineRate } from "../../src/wasm/imports/line-rate.ts";
import { type LoadedModule, loadModule } from "../../src/wasm/load-module.ts";
import { assembleWat } from "../guests/assemble-guest.ts";
import { sampleRequest } from "./neutral-events.ts";
import { RecordedLog } from "./recorded-log.ts";
import { TEST_LIMITS } from "./slot-settings.ts";

export interface OpenOptions extends Partial<HttpWasmOptions> {
  readonly limits?: boolean;
  readonly timeoutMs?: number;
  readonly startTimeoutMs?: number;
  readonly configJson?: string;
  readonly debugEnabled?: boolean;
}

export function abiOptions(options: Partial<HttpWasmOptions> = {}): AbiOptions {
  return { abi: "auto", canonicalHeaderCase: false, httpWasm: { ...DEFAULT_HTTP_WASM, ...options } };
}

export type Outcome = Verdict | EventFailure;

export async function loadHttpWasm(
  source: string | Uint8Array<ArrayBuffer>,
  limits = true,
): Promise<LoadedModule> {
  const bytes = typeof source === "string" ? await assembleWat("http-wasm", source) : source;
  return loadModule(bytes, limits ? TEST_LIMITS : null);
}

export class OpenHttpWasm {
  readonly factory: StatefulFactory;
  readonly guest: StatefulGuest;
  readonly log: RecordedLog;
  readonly timeoutMs: number;
  /** How often the guest said that it broke where no caller was. */
  brokenCalls = 0;

  private constructor(loaded: LoadedModule, options: OpenOptions) {
    const factory = httpWasmAbi.prepare(loaded, abiOptions(options));
    if (!factory.isStateful) throw new Error("http-wasm guests are stateful");
    this.factory = factory;
    this.log = new RecordedLog({ debugEnabled: options.debugEnabled ?? false });
    this.timeoutMs = options.timeoutMs ?? 1000;
    this.guest = factory.instantiate({
      slot: 0,
      log: this.log,
      startTimeoutMs: options.startTimeoutMs ?? 5000,
      isMuted: false,
      lineRate: new LineRate({ linesPerSecond: 100_000 }),
      reportedFunctions: new Set(),
      configJson: options.configJson ?? null,
      onBroken: () => {
        this.brokenCalls++;
      },
    });
  }

  /** @throws ModuleError */
  static async open(
    source: string | Uint8Array<ArrayBuffer>,
    options: OpenOptions = {},
  ): Promise<OpenHttpWasm> {
    return new OpenHttpWasm(await loadHttpWasm(source, options.limits), options);
  }

  /** What the guest logged or printed. */
  get lines(): readonly string[] {
    return this.log.lines
      .filter(({ message }) => message === "guest output")
      .map(({ fields }) => String(fields["text"]));
  }

  exchange(): HttpWasmExchange {
    return new HttpWasmExchange(this.guest.open(), this.timeoutMs);
  }
}

export interface RequestFacts {
  readonly method?: string;
  readonly uri?: string;
  readonly headers?: HeaderMap;
  readonly clientAddress?: string;
  /** The dispatcher expects body events. */
  readonly bodyFollows?: boolean;
}

export interface ResponseFacts {
  readonly status?: number;
  readonly headers?: HeaderMap;
  readonly bodyFollows?: boolean;
}

export interface BodyFacts {
  readonly isLast?: boolean;
  readonly chunkIndex?: number;
  /** A piece of a streamed body, which can be replaced. */
  readonly isStreamed?: boolean;
  readonly canReplace?: boolean;
  readonly isTruncated?: boolean;
}

export class HttpWasmExchange {
  readonly context: GuestContext;
  readonly #timeoutMs: number;

  constructor(context: GuestContext, timeoutMs: number) {
    this.context = context;
    this.#timeoutMs = timeoutMs;
  }

  request(facts: RequestFacts = {}): Promise<Outcome> {
    const sample = sampleRequest({
      ...(facts.uri === undefined ? {} : { uri: facts.uri }),
      ...(facts.headers === undefined ? {} : { headers: facts.headers }),
    });
    return this.call({
      ...sample,
      method: facts.method ?? sample.method,
      metadata: { ...sample.metadata, clientAddress: facts.clientAddress ?? sample.metadata.clientAddress },
      bodyFollows: facts.bodyFollows,
    });
  }

  response(facts: ResponseFacts = {}): Promise<Outcome> {
    return this.call({
      kind: "response-headers",
      correlationId: "id",
      status: facts.status ?? 200,
      headers: facts.headers ?? { server: ["nginx"] },
      bodyFollows: facts.bodyFollows,
    });
  }

  requestBody(content: string | Uint8Array, facts: BodyFacts = {}): Promise<Outcome> {
    return this.#body("request-body-chunk", content, { canReplace: facts.isStreamed ?? false, ...facts });
  }

  responseBody(content: string | Uint8Array, facts: BodyFacts = {}): Promise<Outcome> {
    return this.#body("response-body-chunk", content, { canReplace: true, ...facts });
  }

  end(): void {
    this.context.end("finished", this.#timeoutMs);
  }

  #body(
    kind: "request-body-chunk" | "response-body-chunk",
    content: string | Uint8Array,
    facts: BodyFacts,
  ): Promise<Outcome> {
    const bytes = Uint8Array.from(Buffer.from(content));
    return this.call({
      kind,
      correlationId: "id",
      bytes,
      isLast: facts.isLast ?? true,
      chunkIndex: facts.chunkIndex ?? 0,
      totalBytes: facts.isStreamed === true ? null : bytes.length,
      bytesSoFar: bytes.length,
      context: {
        isTruncated: facts.isTruncated ?? false,
        canReplace: facts.canReplace ?? false,
        mustKeepLength: false,
      },
    });
  }

  /** As a ring does: an outcome in any case. */
  async call(event: ProxyEvent): Promise<Outcome> {
    try {
      return await this.context.call(event, this.#timeoutMs);
    } catch (error) {
      if (error instanceof EventFailure) return error;
      throw error;
    }
  }
}

/** A verdict or failure in a few words, for comparisons. */
export function inShort(outcome: Outcome): unknown {
  if (outcome instanceof EventFailure) return outcome.code;
  const { decision, requestHeaders, responseHeaders, replacement, routingMetadata } = outcome;
  const short: Record<string, unknown> = {};
  if (requestHeaders.length > 0) short["request"] = requestHeaders.map(opLine);
  if (responseHeaders.length > 0) short["response"] = responseHeaders.map(opLine);
  if (replacement !== undefined) short["body"] = Buffer.from(replacement).toString();
  if (routingMetadata !== null) short["routing"] = routingMetadata;
  if (decision.kind === "allow") return Object.keys(short).length === 0 ? "allow" : short;
  const { kind, ...rest } = decision;
  return { [kind]: rest, ...short };
}

function opLine(op: Verdict["requestHeaders"][number]): string {
  return op.op === "remove" ? `remove ${op.name}` : `${op.op} ${op.name}: ${op.value}`;
}
