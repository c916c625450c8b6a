/**
 * One live policy: its data, and evaluations one after the other. Between them nothing is kept: each starts with the heap
 * behind the data, so nothing has to be freed.
 */

import { assertEndedWell, assertInTime } from "../../wasm/call-end.ts";
import { EventFailure } from "../../event/failure.ts";
import type { GuestHost } from "../../wasm/guest-host.ts";
import { GuestMemory } from "../../wasm/guest-memory.ts";
import type { LoadedModule } from "../../wasm/load-module.ts";
import { ModuleError } from "../../wasm/module-error.ts";
import { type StartedInstance, startInstance } from "../../wasm/start-instance.ts";
import { toEventFailure } from "../../wasm/trap.ts";
import { BuiltinDispatcher, type NamedBuiltin } from "./builtin-dispatcher.ts";
import { Evaluation } from "./evaluation.ts";
import { assertAbiVersion, bindExports, type PolicyExports } from "./policy-exports.ts";
import { policyImports } from "./policy-imports.ts";

/** Of a result's text. */
const MAX_RESULT_BYTES = 10 * 1024 * 1024;
const JSON_FORMAT = 0;
const ALIGNMENT = 8;

/** As a guest's call is given it (contract.ts). */
export interface CallTime {
  readonly timeoutMs: number;
  readonly graceMs?: number;
  readonly spentMs?: number;
}

export class PolicyInstance {
  readonly #started: StartedInstance;
  readonly #exports: PolicyExports;
  readonly #evaluation: Evaluation;
  /** Where the heap begins without data. */
  #baseAddress = 0;
  #dataAddress = 0;
  /** Where evaluations begin. */
  #heapAddress = 0;
  #isBroken = false;

  /**
   * Starts the instance, without data.
   *
   * @param builtins by the ids that the policy gives them
   * @throws ModuleError
   */
  constructor(loaded: LoadedModule, host: GuestHost, builtins: ReadonlyMap<number, NamedBuiltin>) {
    let dispatcher: BuiltinDispatcher | null = null;
    const started = startInstance(
      loaded,
      host,
      policyImports((id, args) => dispatcher?.call(id, args) ?? 0),
    );
    if (started.memory === null) {
      throw new ModuleError(
        "module-missing-export",
        "the policy has no memory; OPA's policies import env.memory",
      );
    }
    assertAbiVersion(started.exports);
    this.#started = started;
    this.#exports = bindExports(loaded, started.exports, new GuestMemory(started.memory));
    this.#evaluation = new Evaluation(started);
    dispatcher = new BuiltinDispatcher(builtins, started.imports, this.#exports, this.#evaluation, host.log);
    this.#atStart("opa_malloc", host.startTimeoutMs, () => {
      this.#exports.malloc(0);
      this.#baseAddress = aligned(this.#exports.heapGet() >>> 0);
      this.#heapAddress = this.#baseAddress;
    });
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  get memoryBytes(): number {
    return this.#exports.memory.sizeBytes;
  }

  get fuelUsed(): number | null {
    return this.#started.fuel.used;
  }

  /** Ids by name, as the policy's export `builtins` or `entrypoints` tells them. @throws ModuleError */
  readIds(of: "builtins" | "entrypoints", timeoutMs: number): ReadonlyMap<string, number> {
    const text = this.#atStart(of, timeoutMs, () =>
      this.#readText(this.#exports.jsonDump(this.#exports[of]())),
    );
    const ids = parseIds(text);
    if (ids === null)
      throw new ModuleError("module-start-failed", `the policy's ${of}() gives no object of numbers`);
    return ids;
  }

  /** @param json must be valid. @throws ModuleError when the policy has no memory for it, or takes too long. */
  loadData(json: string, timeoutMs: number): void {
    this.#atStart("opa_json_parse", timeoutMs, () => this.#replaceData(json));
  }

  /** As `loadData`, for an instance that serves. Null when it holds; otherwise the instance is broken. */
  setData(json: string, timeoutMs: number): EventFailure | null {
    this.#arm({ timeoutMs });
    try {
      this.#replaceData(json);
      this.#assertEndedWell("opa_json_parse");
      return null;
    } catch (thrown) {
      return this.#fail(thrown, "opa_json_parse", Buffer.byteLength(json));
    } finally {
      this.#started.imports.output.flush();
    }
  }

  /**
   * Evaluates an entrypoint.
   *
   * @param input JSON, as a JSON encoder writes it: a policy takes invalid text for no input at all
   * @returns JSON: a list with one object whose key `result` is the value, or an empty list when it is undefined
   * @throws EventFailure and nothing else. `isBroken` then tells whether the instance is lost with it.
   */
  evaluate(entrypoint: number, input: string, time: CallTime): string {
    const inputBytes = Buffer.byteLength(input);
    this.#arm(time);
    try {
      const inputAddress = this.#heapAddress;
      this.#writeAtHeap(input, inputBytes);
      const result = this.#exports.eval(
        0,
        entrypoint,
        this.#dataAddress,
        inputAddress,
        inputBytes,
        aligned(inputAddress + inputBytes),
        JSON_FORMAT,
      );
      this.#assertEndedWell("opa_eval");
      return this.#readText(result);
    } catch (thrown) {
      throw this.#fail(thrown, "opa_eval", inputBytes);
    } finally {
      this.#started.imports.output.flush();
    }
  }

  /** Its memory cannot be trusted any more. */
  discard(): void {
    this.#isBroken = true;
  }

  #arm({ timeoutMs, graceMs = 0, spentMs = 0 }: CallTime): void {
    this.#started.deadline.arm(timeoutMs, graceMs, spentMs);
    this.#started.fuel.fill();
    this.#evaluation.begin();
  }

  #replaceData(json: string): void {
    const length = Buffer.byteLength(json);
    const { heapSet, malloc, jsonParse, heapGet, memory } = this.#exports;
    heapSet(this.#baseAddress);
    const address = malloc(length);
    if (!memory.writeText(address, json, length)) throw outOfBounds(address, length, memory.sizeBytes);
    this.#dataAddress = jsonParse(address, length);
    if (this.#dataAddress === 0)
      throw new EventFailure("guest-result-shape", "the policy cannot read its data");
    this.#heapAddress = aligned(heapGet() >>> 0);
  }

  /** What does not fit is asked of the policy's own allocator, which has to know how large the memory is. */
  #writeAtHeap(text: string, bytes: number): void {
    const { memory, heapSet, malloc } = this.#exports;
    const address = this.#heapAddress;
    if (memory.writeText(address, text, bytes)) return;
    heapSet(address);
    malloc(bytes);
    if (!memory.writeText(address, text, bytes)) throw outOfBounds(address, bytes, memory.sizeBytes);
  }

  #readText(address: number): string {
    const { memory } = this.#exports;
    const length = memory.terminatedLength(address, MAX_RESULT_BYTES);
    if (length < 0) {
      const isOutside = address >>> 0 >= memory.sizeBytes;
      throw new EventFailure(
        isOutside ? "guest-result-out-of-bounds" : "guest-result-too-large",
        isOutside
          ? `the result lies at ${address >>> 0}, but memory ends at ${memory.sizeBytes}`
          : `the result has more than ${MAX_RESULT_BYTES} bytes`,
      );
    }
    const text = memory.readText(address, length);
    if (text === null) throw new EventFailure("guest-result-not-utf8", "the result is not UTF-8 text");
    return text;
  }

  #assertEndedWell(call: string): void {
    assertEndedWell(this.#started, call);
    assertInTime(this.#started, call);
  }

  #fail(thrown: unknown, call: string, inputBytes: number): EventFailure {
    this.#isBroken = true;
    const failure = toEventFailure(thrown, this.#started.imports.fatal, this.#started.deadline, call);
    return failure.restated(failure.code, {
      input_bytes: inputBytes,
      fuel_slices: this.#started.deadline.slices,
    });
  }

  #atStart<T>(call: string, timeoutMs: number, work: () => T): T {
    this.#arm({ timeoutMs });
    try {
      const result = work();
      this.#assertEndedWell(call);
      return result;
    } catch (thrown) {
      const failure = this.#fail(thrown, call, 0);
      throw failure.code === "guest-deadline"
        ? new ModuleError(
            "module-start-deadline",
            `the policy did not finish ${call} within ${timeoutMs} ms; raise --start-timeout-ms`,
            { cause: failure },
          )
        : new ModuleError("module-start-failed", `the policy failed in ${call}: ${failure.message}`, {
            cause: failure,
          });
    } finally {
      this.#started.imports.output.flush();
    }
  }
}

function aligned(address: number): number {
  return Math.ceil(address / ALIGNMENT) * ALIGNMENT;
}

function outOfBounds(address: number, bytes: number, sizeBytes: number): EventFailure {
  return new EventFailure(
    "guest-alloc-out-of-bounds",
    `opa_malloc gave no room for ${bytes} bytes at ${address >>> 0}; memory ends at ${sizeBytes}`,
  );
}

function parseIds(text: string): ReadonlyMap<string, number> | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const ids = new Map<string, number>();
  for (const [name, id] of Object.entries(value as Readonly<Record<string, unknown>>)) {
    if (typeof id !== "number" || !Number.isInteger(id)) return null;
    ids.set(name, id);
  }
  return ids;
}
