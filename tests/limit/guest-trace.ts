/**
 * Drives one instance through a fixed list of calls and writes down all that can be seen of it: results, failures,
 * calls to the host, memories, globals and tables. Two builds of one module are equal when their traces are.
 */

import type { ExportedFunction, ValueKind } from "./exported-function.ts";
import { type FailureKind, guestFailure } from "./guest-failure.ts";
import { hostImports } from "./host-imports.ts";
import { type BuiltModule, startedInstance } from "./module-build.ts";
import { type ExactValue, typedCall } from "./typed-call.ts";

export interface TraceStep {
  readonly call: string;
  /** Null for the step that makes the instance. */
  readonly exportName: string | null;
  readonly failure: FailureKind | null;
  /** The account of garbage-collected bytes after the step; null when there is none to be read. */
  readonly accountBytes: number | null;
  /** Everything to compare. */
  readonly text: string;
}

export interface TraceOptions {
  /** Runs before each step. */
  readonly onStep?: () => void;
  /** The trace ends with the first step after which this is true. */
  readonly isOver?: (step: TraceStep) => boolean;
  readonly maxSteps?: number;
}

type GuestCode = (...args: unknown[]) => unknown;

const argumentSets = 3;

export function guestTrace(
  built: BuiltModule,
  functions: readonly ExportedFunction[],
  options: TraceOptions = {},
): TraceStep[] {
  const { onStep = () => {}, isOver = () => false, maxSteps = Number.POSITIVE_INFINITY } = options;
  const hostCalls: string[] = [];
  const steps: TraceStep[] = [];
  let instance: WebAssembly.Instance | undefined;

  const step = (call: string, exportName: string | null, action: () => string): boolean => {
    onStep();
    hostCalls.length = 0;
    const account = garbageAccount(instance, built);
    if (account !== null) {
      account.value = 0;
    }
    let failure: FailureKind | null = null;
    let text: string;
    try {
      text = action();
    } catch (error) {
      const failed = guestFailure(error);
      failure = failed.kind;
      text = failed.text;
    }
    const state = instance === undefined ? "" : instanceState(instance, built, functions);
    const accountBytes = garbageAccount(instance, built)?.value ?? null;
    steps.push({
      call,
      exportName,
      failure,
      accountBytes,
      text: `${text}; host: ${hostCalls.join(", ")}; ${state}`,
    });
    return !isOver(steps.at(-1)!) && steps.length < maxSteps;
  };

  let goesOn = step("instantiate", null, () => {
    instance = startedInstance(built, hostImports(hostCalls));
    return "instantiated";
  });
  for (let set = 0; set < argumentSets; set += 1) {
    for (const [index, signature] of functions.entries()) {
      if (!goesOn || instance === undefined) {
        return steps;
      }
      const { exports } = instance;
      const args = signature.params.map((kind, position) => argument(kind, set + index + position, exports));
      if (!args.includes(uncallable)) {
        const call = `${signature.name}(${args.map((value) => shown(value, exports, functions)).join(", ")})`;
        goesOn = step(call, signature.name, () => {
          const results = callExport(built, exports, signature, args);
          return `returned ${results.map((value) => shown(value, exports, functions)).join(", ")}`;
        });
      }
    }
  }
  return steps;
}

/** It is cumulative; the host begins it anew for each call. */
function garbageAccount(
  instance: WebAssembly.Instance | undefined,
  { limited }: BuiltModule,
): WebAssembly.Global<"i32"> | null {
  const name = limited?.gcBytesExport ?? null;
  return instance === undefined || name === null
    ? null
    : (instance.exports[name] as WebAssembly.Global<"i32">);
}

function callExport(
  built: BuiltModule,
  exports: Bun.WebAssembly.Exports,
  signature: ExportedFunction,
  args: readonly ExactValue[],
): readonly ExactValue[] {
  const { splitExports, splitLowExport } = built.limited ?? {};
  const split = built.callsSplitExports ? splitExports?.get(signature.name) : undefined;
  if (split !== undefined && splitLowExport !== undefined && splitLowExport !== null) {
    const high = (exports[split] as GuestCode)(...args) as number;
    const low = (exports[splitLowExport] as GuestCode)() as number;
    return [(BigInt(high) << 32n) | BigInt(low >>> 0)];
  }
  return typedCall(exports[signature.name] as GuestCode, signature)(args);
}

const uncallable = Symbol("no value of this type can be made");

const integers = [0, 1, -1, 7, 65_535, 65_536, 0x7fff_ffff, -0x8000_0000, 4096];
const floats = [0, 0x3f80_0000, 0xbfc0_0000, 0x7f80_0000, 0x4f80_0000, 0x8000_0000, 0x0000_0001];

function argument(kind: ValueKind, choice: number, exports: Bun.WebAssembly.Exports): ExactValue {
  const integer = integers[choice % integers.length]!;
  const float = floats[choice % floats.length]!;
  switch (kind) {
    case "i32":
      return integer;
    case "i64":
      return BigInt(integer) * (choice % 2 === 0 ? 1n : 0x1_0000_0001n);
    case "f32":
      return float;
    case "f64":
      return BigInt(float) << 29n;
    case "v128":
      return BigInt.asUintN(128, BigInt(integer) * 0x0123_4567_89ab_cdef_0011n);
    case "externref":
    case "anyref":
    case "anything":
      return `reference ${choice % 5}`;
    case "i31":
      return choice % 100;
    case "function":
      return Object.values(exports).find((one) => typeof one === "function") ?? uncallable;
    case "funcref":
    case "null":
      return null;
    case "none":
      return uncallable;
  }
}

/** A function is called by the name of its export, since its index differs between two builds. */
function shown(
  value: unknown,
  exports: Bun.WebAssembly.Exports,
  functions: readonly ExportedFunction[],
): string {
  switch (typeof value) {
    case "function":
      return functions.find(({ name }) => exports[name] === value)?.name ?? "a function";
    case "object":
      return value === null ? "null" : "an object";
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    default:
      return String(value);
  }
}

function instanceState(
  { exports }: WebAssembly.Instance,
  { addedExports }: BuiltModule,
  functions: readonly ExportedFunction[],
): string {
  const parts: string[] = [];
  for (const [name, item] of Object.entries(exports)) {
    if (addedExports.has(name)) {
      continue;
    }
    if (item instanceof WebAssembly.Memory) {
      parts.push(`${name}: ${item.buffer.byteLength} bytes ${Bun.hash(new Uint8Array(item.buffer))}`);
    } else if (item instanceof WebAssembly.Global) {
      parts.push(`${name}: ${read(() => shown(item.value, exports, functions))}`);
    } else if (item instanceof WebAssembly.Table) {
      const entries = Array.from({ length: item.length }, (_, index) =>
        read(() => shown(item.get(index), exports, functions)),
      );
      parts.push(`${name}: ${entries.join(" ")}`);
    }
  }
  return parts.join("; ");
}

/** Vectors and exception references cannot be read from JavaScript. */
function read(look: () => string): string {
  try {
    return look();
  } catch (error) {
    return guestFailure(error).kind;
  }
}
