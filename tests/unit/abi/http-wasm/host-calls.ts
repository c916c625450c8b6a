/**
 * The host functions of http-wasm without a guest: called as a guest would, with ranges of a memory, in any phase of an
 * exchange.
 */

import { CallState } from "../../../../src/abi/http-wasm/call-state.ts";
import { GuestBuffers } from "../../../../src/abi/http-wasm/guest-buffers.ts";
import { hostFunctions } from "../../../../src/abi/http-wasm/host-functions/host-functions.ts";
import { GuestResponse, HttpExchange } from "../../../../src/abi/http-wasm/http-exchange.ts";
import { compilePackedResults } from "../../../../src/abi/http-wasm/packed-results.ts";
import type { HeaderMap } from "../../../../src/event/event.ts";
import { EventFailure } from "../../../../src/event/failure.ts";
import { GuestOutput } from "../../../../src/wasm/imports/guest-output.ts";
import { ImportHost } from "../../../../src/wasm/imports/import-host.ts";
import { sampleRequest } from "../../../support/neutral-events.ts";
import { RecordedLog } from "../../../support/recorded-log.ts";

export const PAGE = 65_536;
/** Where results are asked for; texts for the host are below it. */
export const BUFFER = 16_384;

export type Phase = "start" | "request" | "response";

export interface HostCallsOptions {
  readonly phase?: Phase;
  readonly features?: number;
  readonly configuration?: string | Uint8Array;
  readonly method?: string;
  readonly uri?: string;
  readonly headers?: HeaderMap;
  readonly clientAddress?: string;
  readonly clientPort?: number;
  readonly httpVersion?: string;
  readonly responseHeaders?: HeaderMap;
  readonly status?: number;
  readonly debugEnabled?: boolean;
}

type HostFunction = (...parameters: number[]) => number | bigint | undefined;

export class HostCalls {
  readonly log: RecordedLog;
  readonly state: CallState;
  /** Null in the phase `start`. */
  readonly exchange: HttpExchange | null;
  readonly work: number[] = [];
  readonly #memory = new WebAssembly.Memory({ initial: 1 });
  readonly #functions: Readonly<Record<string, HostFunction>>;
  #free = 64;

  constructor(options: HostCallsOptions = {}) {
    this.log = new RecordedLog({ debugEnabled: options.debugEnabled ?? false });
    this.state = new CallState(Buffer.from(options.configuration ?? ""));
    this.exchange = options.phase === "start" ? null : exchangeOf(options);
    this.state.exchange = this.exchange;
    const imports = new ImportHost({
      output: new GuestOutput({ log: this.log, slot: 0 }),
      log: this.log,
      slot: 0,
    });
    imports.exports = { memory: this.#memory };
    imports.memory.attach(this.#memory);
    imports.onWork = (units) => this.work.push(units);
    this.#functions = hostFunctions(
      this.state,
      new GuestBuffers(imports),
      imports,
      compilePackedResults(),
      () => Promise.reject(new Error("nothing is suspended here")),
    ) as Readonly<Record<string, HostFunction>>;
  }

  /** A number, or the two halves of one. */
  call(name: string, ...parameters: number[]): number | undefined {
    return this.#functions[name]!(...parameters) as number | undefined;
  }

  callPacked(name: string, ...parameters: number[]): readonly [high: number, low: number] {
    const result = this.#functions[name]!(...parameters) as bigint;
    return [Number(result >> 32n), Number(result & 0xffff_ffffn)];
  }

  /** The code of the failure that ends the call; null when it returns. */
  failureOf(name: string, ...parameters: number[]): string | null {
    try {
      this.#functions[name]!(...parameters);
      return null;
    } catch (error) {
      if (error instanceof EventFailure) return error.code;
      throw error;
    }
  }

  /** Puts a text or bytes somewhere in memory: pointer and length. */
  put(content: string | Uint8Array): [pointer: number, length: number] {
    const bytes = Buffer.from(content);
    const pointer = this.#free;
    this.#free += bytes.length;
    Buffer.from(this.#memory.buffer).set(bytes, pointer);
    return [pointer, bytes.length];
  }

  text(pointer: number, length: number): string {
    return Buffer.from(this.#memory.buffer, pointer, length).toString("utf8");
  }

  /** A getter of one text, with room for it. */
  read(name: string): string {
    return this.text(BUFFER, this.call(name, BUFFER, 4096)!);
  }

  names(kind: number): string[] {
    return this.#list(this.callPacked("get_header_names", kind, BUFFER, 4096));
  }

  values(kind: number, name: string): string[] {
    return this.#list(this.callPacked("get_header_values", kind, ...this.put(name), BUFFER, 4096));
  }

  #list([count, length]: readonly [number, number]): string[] {
    const texts = this.text(BUFFER, length).split("\0").slice(0, -1);
    if (texts.length !== count) throw new Error(`the count is ${count}, but there are ${texts.length} texts`);
    return texts;
  }
}

function exchangeOf(options: HostCallsOptions): HttpExchange {
  const request = sampleRequest({
    ...(options.uri === undefined ? {} : { uri: options.uri }),
    ...(options.headers === undefined ? {} : { headers: options.headers }),
  });
  const exchange = new HttpExchange(
    {
      ...request,
      method: options.method ?? "GET",
      metadata: {
        ...request.metadata,
        clientAddress: options.clientAddress ?? "203.0.113.9",
        clientPort: options.clientPort ?? 0,
        httpVersion: options.httpVersion ?? "HTTP/1.1",
      },
    },
    options.features ?? 0,
  );
  if (options.phase === "response") {
    exchange.isAfterNext = true;
    exchange.response = new GuestResponse({
      status: options.status ?? 200,
      headers: options.responseHeaders ?? { server: ["nginx"] },
    });
  }
  return exchange;
}
