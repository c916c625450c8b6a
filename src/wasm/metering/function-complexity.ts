/**
 * Estimates what the engine's compilers keep for one function. Some of it grows with the product of two counts, so that a
 * module of some kilobytes can make them take gigabytes; such a function is refused at load. The weights are measured
 * (tests/limit/complexity-growth.ts measures them again); RATIONALE.md, "Why functions have a complexity budget", says why.
 */

import { ModuleError } from "../module-error.ts";

/** Bytes that a compiler may keep for one function. Real modules stay far below (tests/limit/real-modules.ts). */
export const maxCompilerBytes = 256 * 1024 * 1024;

/** Of all functions of a module together, beside what its size allows. */
const maxModuleBytes = 256 * 1024 * 1024;
const compiledBytesPerByte = 32;

const maxInstanceBytes = 64 * 1024 * 1024;
const exportBytes = 364;
const functionObjectBytes = 216;

/** The optimising compiler leaves larger functions to the one before it. */
export const maxOptimisedBytes = 100_000;

/** Both compilers: for each value in scope at a loop, for each value of a block's type, for each pair of catch clauses. */
const loopValueBytes = 16;
const blockValueBytes = 16;
const clausePairBytes = 16;

/** The optimising compiler alone. */
const optimisedLoopValueBytes = 64;
const tryCallValueBytes = 128;
const clauseValueBytes = 1024;
/** For each value of a block's type and each block of the function. */
const blockPairBytes = 4;
const branchValueBytes = 160;
const callValueBytes = 1024;
/** For each local that may have another value behind a block. */
const joinedLocalBytes = 400;

const heightField = 0;
const branchValuesField = 1;
const endValuesField = 2;
const writesField = 3;
const isTryField = 4;
const stride = 5;

export class FunctionComplexity {
  #locals = 0;
  /** Operands on the stack, about: an instruction that is not known in detail counts as one that leaves it as it was. */
  #height = 0;
  /** Writes to locals in the innermost block so far. */
  #writes = 0;
  #frames = new Float64Array(32 * stride);
  #depth = 0;
  #tries = 0;
  #blocks = 0;
  #blockValues = 0;
  #clauses = 0;
  #bytes = 0;
  #optimisedBytes = 0;

  begin(locals: number, results: number): void {
    this.#locals = locals;
    this.#height = 0;
    this.#writes = 0;
    this.#depth = 0;
    this.#tries = 0;
    this.#blocks = 0;
    this.#blockValues = 0;
    this.#clauses = 0;
    this.#bytes = 0;
    this.#optimisedBytes = 0;
    this.#push(results, results, false);
  }

  /** Plain instructions were read: how many operands they left, or took when negative, and how many locals they wrote. */
  step(operands: number, writes: number): void {
    this.#height = Math.max(this.#base, this.#height + operands);
    this.#writes += writes;
  }

  block(parameters: number, results: number): void {
    this.#enter(parameters, results, results, false);
  }

  loop(parameters: number, results: number): void {
    const values = this.#locals + this.#height;
    this.#bytes += loopValueBytes * values;
    this.#optimisedBytes += optimisedLoopValueBytes * values;
    this.#enter(parameters, results, parameters, false);
  }

  try(parameters: number, results: number): void {
    this.#enter(parameters, results, results, true);
    this.#tries++;
  }

  clause(): void {
    this.#clauses++;
    this.#optimisedBytes += clauseValueBytes * (this.#locals + this.#height);
  }

  /** The other half of a block begins: behind `else` or `catch`. */
  restart(): void {
    this.#height = this.#base;
  }

  /** Of a block, or of the function. */
  end(): void {
    const at = --this.#depth * stride;
    const frames = this.#frames;
    this.#optimisedBytes += joinedLocalBytes * Math.min(this.#writes, this.#locals);
    this.#writes += frames[at + writesField]!;
    this.#height = frames[at + heightField]! + frames[at + endValuesField]!;
    this.#tries -= frames[at + isTryField]!;
  }

  branch(label: number): void {
    const at = (this.#depth - 1 - label) * stride;
    if (at < 0) return;
    this.#optimisedBytes += branchValueBytes * this.#frames[at + branchValuesField]!;
  }

  call(parameters: number, results: number): void {
    this.#optimisedBytes += callValueBytes * (parameters + results);
    if (this.#tries > 0) this.#optimisedBytes += tryCallValueBytes * (this.#locals + this.#height);
    this.step(results - parameters, 0);
  }

  /** What any compiler may keep for the function that was read to its end. */
  get compiledBytes(): number {
    return this.#bytes + blockValueBytes * this.#blockValues + clausePairBytes * this.#clauses ** 2;
  }

  /** The same of the optimising compiler, if it takes the function. */
  get optimisedBytes(): number {
    return this.#optimisedBytes + blockPairBytes * this.#blockValues * this.#blocks;
  }

  get #base(): number {
    return this.#depth === 0 ? 0 : this.#frames[(this.#depth - 1) * stride + heightField]!;
  }

  #enter(parameters: number, results: number, branchValues: number, isTry: boolean): void {
    this.#blocks++;
    this.#blockValues += parameters + results;
    this.#height = Math.max(this.#base, this.#height - parameters);
    this.#push(branchValues, results, isTry);
    this.#height += parameters;
  }

  #push(branchValues: number, endValues: number, isTry: boolean): void {
    const at = this.#depth++ * stride;
    if (at === this.#frames.length) {
      const frames = new Float64Array(at * 2);
      frames.set(this.#frames);
      this.#frames = frames;
    }
    this.#frames[at + heightField] = this.#height;
    this.#frames[at + branchValuesField] = branchValues;
    this.#frames[at + endValuesField] = endValues;
    this.#frames[at + writesField] = this.#writes;
    this.#frames[at + isTryField] = isTry ? 1 : 0;
    this.#writes = 0;
  }
}

export function functionTooComplex(estimatedBytes: number, name: string): ModuleError {
  return new ModuleError(
    "module-too-complex",
    `The function ${name} would make the engine's compiler take about ${mebibytes(estimatedBytes)} MiB; at most ${mebibytes(maxCompilerBytes)} are allowed. It combines too many locals, blocks, loops, calls or catch clauses: split it.`,
  );
}

/**
 * `compiledBytes` of all functions of a module of so many bytes: what the compiler keeps as long as the module lives.
 *
 * @throws ModuleError `module-too-complex`
 */
export function assertCompilable(compiledBytes: Float64Array, moduleBytes: number): void {
  const bytes = compiledBytes.reduce((sum, one) => sum + one, 0);
  const most = maxModuleBytes + compiledBytesPerByte * moduleBytes;
  if (bytes <= most) return;
  throw new ModuleError(
    "module-too-complex",
    `The functions of the module together would make the engine's compiler keep about ${mebibytes(bytes)} MiB; at most ${mebibytes(most)} are allowed for a module of ${moduleBytes} bytes. They combine too many locals with too many loops.`,
  );
}

/**
 * What the engine makes of a module's functions for each instance, in no account of the guest: an object for each that an
 * export names or that code can refer to.
 *
 * @throws ModuleError `module-too-complex`
 */
export function assertInstantiable(exports: number, referencedFunctions: number): void {
  const bytes = exports * exportBytes + referencedFunctions * functionObjectBytes;
  if (bytes <= maxInstanceBytes) return;
  throw new ModuleError(
    "module-too-complex",
    `The module has ${exports} exports, and ${referencedFunctions} functions that exports and elements name, for which each instance would take about ${mebibytes(bytes)} MiB; at most ${mebibytes(maxInstanceBytes)} are allowed.`,
  );
}

function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 1024 / 1024);
}
