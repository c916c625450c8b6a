/**
 * Calls built-in functions for one policy instance: reads the arguments out of its memory, and writes the result back.
 * For both the policy's own functions are called, while the policy waits for the result; its deadline goes on.
 */

import { EventFailure } from "../../event/failure.ts";
import type { Log } from "../../telemetry/log.ts";
import type { ImportHost } from "../../wasm/imports/import-host.ts";
import {
  type Builtin,
  type EvaluationContext,
  MAX_TEXT_UNITS,
  TooMuchWork,
  UndefinedResult,
} from "./builtins/builtin.ts";
import type { PolicyExports } from "./policy-exports.ts";
import { parseRego, RegoTextError, type RegoTextLimits, writeRego } from "./values/rego-text.ts";
import { bytesOf, isBinary, type RegoValue, stringOf } from "./values/rego-value.ts";

export interface NamedBuiltin {
  readonly name: string;
  readonly call: Builtin;
}

const LIMITS: RegoTextLimits = { maxDepth: 256, maxValues: 250_000 };
/** Reading and making values takes some 2 ns for a character. */
const UNITS_PER_CHARACTER = 5;
const UNITS_PER_CALL = 1000;

/** Layout of a string of a policy (https://github.com/open-policy-agent/opa/blob/v1.22.3/wasm/src/value.h). */
const STRING_TYPE = 4;
const STRING_BYTES = 12;
const LENGTH_OFFSET = 4;
const TEXT_OFFSET = 8;
const FILLER = "x";

export class BuiltinDispatcher {
  readonly #builtins: ReadonlyMap<number, NamedBuiltin>;
  readonly #imports: ImportHost;
  readonly #policy: PolicyExports;
  readonly #context: EvaluationContext;
  readonly #log: Log;

  constructor(
    builtins: ReadonlyMap<number, NamedBuiltin>,
    imports: ImportHost,
    policy: PolicyExports,
    context: EvaluationContext,
    log: Log,
  ) {
    this.#builtins = builtins;
    this.#imports = imports;
    this.#policy = policy;
    this.#context = context;
    this.#log = log;
  }

  /** The address of the result; 0 for undefined. */
  call(id: number, addresses: readonly number[]): number {
    const builtin = this.#builtins.get(id);
    if (builtin === undefined) {
      return this.#end(
        "guest-trap",
        `the policy called the built-in function ${id}, which it has not declared`,
      );
    }
    const args = addresses.map((address) => this.#read(address, builtin.name));
    const result = this.#run(builtin, args);
    return result === undefined ? 0 : this.#write(result, builtin.name);
  }

  #run({ name, call }: NamedBuiltin, args: readonly RegoValue[]): RegoValue | undefined {
    this.#imports.work(UNITS_PER_CALL);
    try {
      return call(args, this.#context);
    } catch (thrown) {
      if (thrown instanceof UndefinedResult) {
        if (this.#log.debugEnabled) {
          this.#log.debug("a built-in function has no result", { function: name, reason: thrown.reason });
        }
        return undefined;
      }
      if (thrown instanceof TooMuchWork)
        return this.#end("guest-builtin-limit", `${name}: ${thrown.message}`);
      // The end of the evaluation, or of the stack.
      if (thrown instanceof EventFailure || thrown instanceof RangeError) throw thrown;
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      return this.#end("agent-internal", `the built-in function ${name} failed: ${reason}`);
    }
  }

  #read(value: number, name: string): RegoValue {
    const address = this.#policy.valueDump(value);
    const { memory } = this.#policy;
    const length = memory.terminatedLength(address, MAX_TEXT_UNITS);
    if (length < 0) {
      return this.#end(
        "guest-builtin-limit",
        `${name}: an argument has more than ${MAX_TEXT_UNITS} bytes, or lies outside of memory`,
      );
    }
    this.#imports.work(length * UNITS_PER_CHARACTER);
    const text = memory.readText(address, length) ?? stringOf(memory.copyBytes(address, length));
    this.#policy.free(address);
    try {
      return parseRego(text, LIMITS);
    } catch (thrown) {
      if (!(thrown instanceof RegoTextError)) throw thrown;
      return thrown.kind === "limit"
        ? this.#end("guest-builtin-limit", `${name}: ${thrown.message}`)
        : this.#end(
            "guest-result-not-json",
            `the policy wrote no value of Rego for ${name}: ${thrown.message}`,
          );
    }
  }

  #write(value: RegoValue, name: string): number {
    if (typeof value === "string" && isBinary(value)) return this.#writeBinary(bytesOf(value), name);
    return this.#parse(writeRego(value), name);
  }

  #parse(text: string, name: string): number {
    const length = Buffer.byteLength(text);
    if (length > MAX_TEXT_UNITS) {
      return this.#end("guest-builtin-limit", `${name}: the result has more than ${MAX_TEXT_UNITS} bytes`);
    }
    this.#imports.work(length * UNITS_PER_CHARACTER);
    const address = this.#policy.malloc(length);
    if (!this.#policy.memory.writeText(address, text, length)) {
      return this.#end("guest-alloc-out-of-bounds", `opa_malloc(${length}) answered ${address >>> 0}`);
    }
    const value = this.#policy.valueParse(address, length);
    this.#policy.free(address);
    return value;
  }

  /** The policy's parser takes UTF-8 only: it makes a string of that length, whose bytes are then replaced. */
  #writeBinary(bytes: Buffer, name: string): number {
    const value = this.#parse(`"${FILLER.repeat(bytes.length)}"`, name);
    const { memory } = this.#policy;
    const string = memory.isInBounds(value, STRING_BYTES) ? memory.copyBytes(value, STRING_BYTES) : null;
    const text = string?.readUInt32LE(TEXT_OFFSET) ?? 0;
    const isAsExpected =
      string !== null &&
      string[0] === STRING_TYPE &&
      string.readUInt32LE(LENGTH_OFFSET) === bytes.length &&
      memory.isInBounds(text, bytes.length) &&
      memory.copyBytes(text, 1).toString() === FILLER;
    if (!isAsExpected) {
      return this.#end(
        "agent-internal",
        `${name}: strings of this policy are not laid out as those of OPA 1.22`,
      );
    }
    memory.writeBytes(text, bytes, 0, bytes.length);
    return value;
  }

  #end(
    code:
      | "guest-trap"
      | "guest-builtin-limit"
      | "guest-result-not-json"
      | "guest-alloc-out-of-bounds"
      | "agent-internal",
    message: string,
  ): never {
    return this.#imports.end(new EventFailure(code, message));
  }
}
