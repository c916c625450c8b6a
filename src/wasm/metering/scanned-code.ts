/**
 * The code section as a whole: scans every function, keeps what changes, and writes the section anew.
 */

import { ModuleError } from "../module-error.ts";
import type { AddedDefinitions } from "./added-definitions.ts";
import { BranchHintWriter, readBranchHints } from "./branch-hints.ts";
import { ByteReader, invalidModule } from "../binary/byte-reader.ts";
import { ByteWriter } from "../binary/byte-writer.ts";
import { CallCosts } from "./call-costs.ts";
import { type FunctionArity, scanFunction } from "./code-scanner.ts";
import { CodeWriter, type ScannedBody } from "./code-writer.ts";
import { EditList } from "./edit-list.ts";
import type { LimitHelpers } from "./limit-helpers.ts";
import {
  assertCompilable,
  functionTooComplex,
  maxCompilerBytes,
  maxOptimisedBytes,
} from "./function-complexity.ts";
import { expectEnd, type ModuleOutline, sectionId } from "../binary/module-outline.ts";
import { FunctionNames } from "../binary/function-names.ts";
import { maxReadDepth, type ModuleFacts, ScanContext, type ScanFacts } from "./scan-context.ts";

/** JavaScriptCore accepts no larger function. */
const maxFunctionBytes = 7_654_321;

/** A check and a moved index take more room; this much more is seldom exceeded. */
const usualGrowth = 1.25;

export interface WrittenCode {
  readonly code: ByteWriter;
  /** Content of the section of branch hints without its name; null when there are none. */
  readonly hints: ByteWriter | null;
  /** The most that a compiler may keep for one of the functions. */
  readonly compilerBytes: number;
}

export class ScannedCode {
  readonly #outline: ModuleOutline;
  readonly #edits = new EditList();
  readonly #module: ModuleFacts;
  /** By how many functions wait for the one that is read with it. */
  #contexts: readonly ScanContext[] = [];
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  /** Where the instructions begin. */
  readonly #codeStarts: Int32Array;
  /** The local variable that the loops of a function count in, or -1. */
  readonly #counters: Int32Array;
  readonly #firstEdits: Int32Array;
  readonly #endEdits: Int32Array;
  /** Bytes that a compiler may keep: the optimising one, for functions that it takes, and any. */
  readonly #optimisedBytes: Float64Array;
  readonly #compiledBytes: Float64Array;

  constructor(module: ModuleFacts) {
    this.#module = module;
    this.#outline = module.outline;
    const { bytes, sections, functionTypes, importedFunctions } = module.outline;
    const count = functionTypes.length - importedFunctions;
    this.#starts = new Int32Array(count);
    this.#ends = new Int32Array(count);
    this.#codeStarts = new Int32Array(count);
    this.#counters = new Int32Array(count);
    this.#firstEdits = new Int32Array(count);
    this.#endEdits = new Int32Array(count);
    this.#optimisedBytes = new Float64Array(count);
    this.#compiledBytes = new Float64Array(count);
    const section = sections.find(({ id }) => id === sectionId.code);
    const reader = new ByteReader(bytes, section?.start ?? 0, section?.end ?? 0);
    const bodies = section === undefined ? 0 : reader.count();
    if (bodies !== count)
      throw invalidModule(`${count} functions are declared, but ${bodies} have code`, reader.at);
    for (let number = 0; number < count; number++) this.#findBody(reader, number);
    expectEnd(reader);
    // Few modules catch exceptions, and they are read once more when that turns out.
    if (this.#readAll(false)) this.#readAll(true);
  }

  /** Returns whether code of the module may catch exceptions, which `mayUnwind` says when it is known before. */
  #readAll(mayUnwind: boolean): boolean {
    const count = this.#starts.length;
    const calls = new CallCosts(count, mayUnwind);
    const facts: ScanFacts = {
      ...this.#module,
      calls,
      readFunction: (number, depth) => this.#read(number, depth),
    };
    this.#edits.clear();
    this.#contexts = Array.from({ length: maxReadDepth + 1 }, (_, depth) => new ScanContext(facts, depth));
    for (let number = 0; number < count; number++) {
      if (this.#module.isReferenced[this.#outline.importedFunctions + number] === 1)
        calls.callBlindly(number);
    }
    for (let number = 0; number < count && calls.mayUnwind === mayUnwind; number++) {
      if (calls.isUnread(number)) this.#read(number, 0);
    }
    return calls.mayUnwind && !mayUnwind;
  }

  #findBody(reader: ByteReader, number: number): void {
    const body = reader.range();
    if (body.end - body.at > maxFunctionBytes) throw functionTooLarge(body);
    this.#starts[number] = body.at;
    this.#ends[number] = body.end;
  }

  /** Twice when its own code shows that it is called blindly, and too much was left to callers until then. */
  #read(number: number, depth: number): void {
    const context = this.#contexts[depth] as ScanContext;
    const { calls, edits, paths } = context;
    calls.begin(number);
    const wasCalledBlindly = calls.isCalledBlindly(number);
    let hasCounter = this.#scan(context, number);
    if (calls.isCalledBlindly(number) && !wasCalledBlindly && paths.freeReach > calls.maxFree(number))
      hasCounter = this.#scan(context, number);
    calls.finish(number, paths.freeReach, paths.hasFreeLoops);
    this.#codeStarts[number] = context.codeStart;
    this.#optimisedBytes[number] = context.complexity.optimisedBytes;
    this.#compiledBytes[number] = context.complexity.compiledBytes;
    this.#counters[number] = hasCounter ? context.localCount : -1;
    this.#firstEdits[number] = this.#edits.length;
    this.#edits.append(edits);
    this.#endEdits[number] = this.#edits.length;
  }

  #scan(context: ScanContext, number: number): boolean {
    const reader = new ByteReader(
      this.#outline.bytes,
      this.#starts[number] as number,
      this.#ends[number] as number,
    );
    context.edits.clear();
    context.number = number;
    return scanFunction(context, reader, this.#arity(number), context.calls.maxFree(number));
  }

  #arity(number: number): FunctionArity {
    const { types, functionTypes, importedFunctions } = this.#outline;
    const type = functionTypes[importedFunctions + number] as number;
    return { parameters: types.parameters[type] as number, results: types.results[type] as number };
  }

  /** Writes the guest's functions and behind them the added ones, of which there may be no more from here on. */
  write(added: AddedDefinitions, helpers: LimitHelpers): WrittenCode {
    const { bytes } = this.#outline;
    const count = this.#starts.length;
    const sourceBytes = count === 0 ? 0 : (this.#ends[count - 1] as number) - (this.#starts[0] as number);
    const code = new ByteWriter(Math.ceil(sourceBytes * usualGrowth) + 1024);
    const hintContent = new ByteWriter(1024);
    const hints = new BranchHintWriter(hintContent, new ByteWriter(256));
    const writer = new CodeWriter(bytes, this.#edits, added, helpers, hints, new ByteWriter(4096));
    const guestHints = readBranchHints(this.#outline);
    code.u32(count + added.functions.length);
    let compilerBytes = 0;
    for (let number = 0; number < count; number++) {
      const start = code.length;
      writer.write(code, this.#body(number), number, guestHints.get(number));
      compilerBytes = Math.max(compilerBytes, this.#compilerBytes(number, code.length - start));
    }
    for (const { body } of added.functions) {
      code.u32(body.length);
      code.bytes(body);
    }
    assertCompilable(this.#compiledBytes, bytes.length);
    return {
      code,
      hints: hints.functionCount === 0 ? null : withCount(hints.functionCount, hintContent),
      compilerBytes,
    };
  }

  /** @throws ModuleError `module-too-complex` */
  #compilerBytes(number: number, codeBytes: number): number {
    const isOptimised = codeBytes <= maxOptimisedBytes;
    const bytes = Math.max(this.#compiledBytes[number]!, isOptimised ? this.#optimisedBytes[number]! : 0);
    if (bytes <= maxCompilerBytes) return bytes;
    const index = this.#outline.importedFunctions + number;
    throw functionTooComplex(bytes, new FunctionNames(this.#outline).find(index) ?? String(index));
  }

  #body(number: number): ScannedBody {
    return {
      start: this.#starts[number] as number,
      codeStart: this.#codeStarts[number] as number,
      end: this.#ends[number] as number,
      counter: this.#counters[number] as number,
      firstEdit: this.#firstEdits[number] as number,
      endEdit: this.#endEdits[number] as number,
    };
  }
}

function functionTooLarge({ at, end }: ByteReader): ModuleError {
  return new ModuleError(
    "module-too-large",
    `The function at byte ${at} has ${end - at} bytes of code; the engine accepts at most ${maxFunctionBytes}. Split it.`,
  );
}

function withCount(count: number, content: ByteWriter): ByteWriter {
  const whole = new ByteWriter(content.length + 8);
  whole.u32(count);
  whole.bytes(content.view);
  return whole;
}
