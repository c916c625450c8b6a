/**
 * Compares one module with its limited form by what both do. The limited form runs first, under a budget, so that a
 * module that never ends costs little; the module as it is then repeats only the calls that are known to end.
 *
 * Three differences are right and end a round of calls: fuel that is used up, which must show as a trap at once; a full
 * stack, which the rewritten code may reach at another depth; and a full account of garbage-collected bytes. Modules that may wait for another thread are compared
 * with themselves, in long slices and in short ones: without limits the wait could last for ever.
 */

import type { ExportedFunction } from "./exported-function.ts";
import { guestFailure, isSameOutcome } from "./guest-failure.ts";
import { guestTrace, type TraceStep } from "./guest-trace.ts";
import { type BuiltModule, buildPlain, limitedBuilder, wideCaps } from "./module-build.ts";

export interface ComparedModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly functions: readonly ExportedFunction[];
  /** Whether code waits for another thread. */
  readonly waits: boolean;
}

export interface ModuleComparison {
  readonly kind: "compared" | "compared-with-itself" | "refused-by-engine";
  /** Calls made in both forms. */
  readonly steps: number;
  /** What ended a round of calls, and how often: fuel used up; a full stack or account. */
  readonly fuelEnds: number;
  readonly otherEnds: number;
  /** The longest time that the fuel of one call lasted, of those that used it up. */
  readonly slowestFuelMs: number;
  /** Empty when the rewrite is right. */
  readonly differences: readonly string[];
}

const fuelPerSlice = 5_000;
const slicesPerCall = 100;

/** So short that slices end inside nearly every function. */
const shortSlice = 13;

/** The account stops at twice this, and the engine makes no array that is larger. */
const fullAccountBytes = 2 ** 30 - 2 ** 20;

/** Functions that do not end are left out one by one, each time with a new instance. */
const maxRounds = 5;

export function compareModule(module: ComparedModule): ModuleComparison {
  const { bytes, waits } = module;
  const comparison = { steps: 0, fuelEnds: 0, otherEnds: 0, slowestFuelMs: 0, differences: [] as string[] };
  if (!WebAssembly.validate(bytes)) {
    comparison.differences.push(...invalidModuleDifferences(bytes));
    return { ...comparison, kind: "refused-by-engine" };
  }
  const kind = waits ? "compared-with-itself" : "compared";
  let forms: ModuleForms;
  try {
    forms = moduleForms(module);
  } catch (error) {
    comparison.differences.push(`not limited or not compiled: ${guestFailure(error).text}`);
    return { ...comparison, kind };
  }
  comparison.differences.push(...shapeDifferences(forms.plain, forms.long));

  let functions = module.functions;
  for (let round = 0; round < maxRounds && comparison.differences.length === 0; round += 1) {
    const { end, unended, steps, differences } = compareRound(forms, functions, waits);
    comparison.slowestFuelMs = Math.max(comparison.slowestFuelMs, forms.meter.msUntilDenial);
    comparison.steps += steps;
    comparison.differences.push(...differences);
    comparison.fuelEnds += end === "fuel" ? 1 : 0;
    comparison.otherEnds += end === "stack" || end === "account" ? 1 : 0;
    if (end === "complete" || unended === null) {
      break;
    }
    functions = functions.filter(({ name }) => name !== unended);
  }
  return { ...comparison, kind };
}

interface ModuleForms {
  readonly plain: BuiltModule;
  readonly long: BuiltModule;
  readonly short: BuiltModule;
  /** Of the form in long slices. */
  readonly meter: SliceMeter;
}

function moduleForms({ bytes }: ComparedModule): ModuleForms {
  const meter = new SliceMeter();
  return {
    plain: buildPlain(bytes),
    long: limitedBuilder({ ...wideCaps, fuelPerSlice }, () => meter.sliceEnd())(bytes),
    short: {
      ...limitedBuilder({ ...wideCaps, fuelPerSlice: shortSlice }, () => 0)(bytes),
      callsSplitExports: true,
    },
    meter,
  };
}

interface Round {
  readonly end: "complete" | "fuel" | "stack" | "account";
  /** The exported function that did not end; null for the start function. */
  readonly unended: string | null;
  readonly steps: number;
  readonly differences: readonly string[];
}

function compareRound(
  { plain, long, short, meter }: ModuleForms,
  functions: readonly ExportedFunction[],
  waits: boolean,
): Round {
  const budgeted = guestTrace(long, functions, {
    onStep: () => meter.reset(),
    isOver: (step) => ownEndOf(step, long, meter) !== "complete",
  });
  const last = budgeted.at(-1)!;
  const ownEnd = ownEndOf(last, long, meter);
  const differences = ownEnd === "fuel" ? stopDifferences(last, meter) : [];
  const own = ownEnd === "complete" ? budgeted : budgeted.slice(0, -1);
  if (own.length === 0) {
    return { end: ownEnd, unended: last.exportName, steps: 0, differences };
  }

  const options = { maxSteps: own.length, isOver: (step: TraceStep) => step.failure === "exhaustion" };
  const expected = waits ? own : guestTrace(plain, functions, options);
  const fullStack = expected.at(-1)?.failure === "exhaustion";
  const common = fullStack ? expected.slice(0, -1) : expected;
  differences.push(...traceDifferences("in long slices", common, own));
  differences.push(...traceDifferences("in short slices", common, guestTrace(short, functions, options)));
  return {
    end: fullStack ? "stack" : ownEnd,
    unended: (fullStack ? expected.at(-1)! : last).exportName,
    steps: common.length,
    differences,
  };
}

function ownEndOf(step: TraceStep, { limited }: BuiltModule, meter: SliceMeter): Round["end"] {
  if (meter.denials > 0) {
    return "fuel";
  }
  if (step.failure === "exhaustion") {
    return "stack";
  }
  const keepsAccount = limited !== null && limited.gcBytesExport !== null;
  const maybeFull = step.accountBytes === null || step.accountBytes > fullAccountBytes;
  const trapped = step.failure === "trap" && step.text.startsWith("trap: Unreachable");
  return keepsAccount && maybeFull && trapped ? "account" : "complete";
}

/** Grants a fixed number of slices to each call, then none. */
class SliceMeter {
  #startedMs = 0;
  #msUntilDenial = 0;
  #granted = 0;
  #denied = 0;

  get denials(): number {
    return this.#denied;
  }

  /** Of the call since the last reset; 0 when it got all the slices it asked for. */
  get msUntilDenial(): number {
    return this.#msUntilDenial;
  }

  reset(): void {
    this.#startedMs = performance.now();
    this.#msUntilDenial = 0;
    this.#granted = 0;
    this.#denied = 0;
  }

  sliceEnd(): number {
    if (this.#granted < slicesPerCall) {
      this.#granted += 1;
      return 0;
    }
    if (this.#denied === 0) {
      this.#msUntilDenial = performance.now() - this.#startedMs;
    }
    this.#denied += 1;
    return 1;
  }
}

function invalidModuleDifferences(bytes: Uint8Array<ArrayBuffer>): string[] {
  try {
    limitedBuilder({ ...wideCaps, fuelPerSlice }, () => 0)(bytes);
    return ["the engine refuses the module and accepts its limited form"];
  } catch (error) {
    const { kind, text } = guestFailure(error);
    return kind === "module" || kind === "compile" ? [] : [`the rewrite failed: ${text}`];
  }
}

function stopDifferences(step: TraceStep, meter: SliceMeter): string[] {
  const differences: string[] = [];
  if (step.failure !== "trap") {
    differences.push(`${step.call}: stopped, but what came out was ${step.text}`);
  }
  if (meter.denials > 1) {
    differences.push(`${step.call}: went on after it was stopped, ${meter.denials} times`);
  }
  return differences;
}

function shapeDifferences(plain: BuiltModule, limited: BuiltModule): string[] {
  const differences: string[] = [];
  const show = (items: readonly object[]): string => JSON.stringify(items);
  const exports = WebAssembly.Module.exports(limited.module).filter(
    ({ name }) => !limited.addedExports.has(name),
  );
  if (show(exports) !== show(WebAssembly.Module.exports(plain.module))) {
    differences.push(`exports became ${show(exports)}`);
  }
  const added = limited.limited?.sliceEndImport;
  const imports = WebAssembly.Module.imports(limited.module).filter(
    ({ module, name }) => module !== added?.module || name !== added.name,
  );
  if (show(imports) !== show(WebAssembly.Module.imports(plain.module))) {
    differences.push(`imports became ${show(imports)}`);
  }
  return differences;
}

function traceDifferences(
  name: string,
  expected: readonly TraceStep[],
  actual: readonly TraceStep[],
): string[] {
  const index = expected.findIndex((step, at) => !isSameOutcome(step.text, actual[at]?.text));
  if (index === -1) {
    return [];
  }
  const step = expected[index]!;
  return [`${name}, step ${index}, ${step.call}: ${step.text} became ${actual[index]?.text}`];
}
