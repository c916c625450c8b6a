/**
 * What the scanners of the instruction families share while one function is read: the module's facts, the function's
 * edits and path costs, and the few ways in which an instruction is changed.
 */

import { ModuleError } from "../module-error.ts";
import type { AddedDefinitions } from "./added-definitions.ts";
import { type ByteReader, invalidModule } from "../binary/byte-reader.ts";
import type { CallCosts } from "./call-costs.ts";
import { EditList, editKind } from "./edit-list.ts";
import { FunctionComplexity } from "./function-complexity.ts";
import type { Code } from "../binary/instruction-bytes.ts";
import { callCost } from "./instruction-shape.ts";
import type { LimitHelpers } from "./limit-helpers.ts";
import type { ModuleOutline } from "../binary/module-outline.ts";
import { PathCosts } from "./path-costs.ts";

/** Above any cap, and below what would overflow the account. */
const maxCountedBytes = 2 ** 31 - 1;

export interface ModuleFacts {
  readonly outline: ModuleOutline;
  readonly added: AddedDefinitions;
  readonly helpers: LimitHelpers;
  /** Bytes of each table's reference type, the imported tables first. */
  readonly tableTypes: readonly Code[];
  /** Whether an indirect call can reach a function of the host. */
  readonly isHostReferenced: boolean;
  /** By function index: 1 for those that code can hold a reference to. */
  readonly isReferenced: Uint8Array;
}

export interface ScanFacts extends ModuleFacts {
  readonly calls: CallCosts;
  /** Reads a function from the beginning, `depth` functions below another that waits for what it costs. */
  readFunction(number: number, depth: number): void;
}

/** How many functions may wait for each other. */
export const maxReadDepth = 32;

export class ScanContext {
  readonly outline: ModuleOutline;
  readonly added: AddedDefinitions;
  readonly helpers: LimitHelpers;
  readonly tableTypes: readonly Code[];
  readonly isHostReferenced: boolean;
  readonly calls: CallCosts;
  /** Those of the function that is being read. */
  readonly edits = new EditList();
  readonly paths: PathCosts;
  readonly complexity = new FunctionComplexity();
  /** The last i32 constant, and where it ended: a length just before a long operation is known. */
  constant = 0;
  constantEnd = 0;
  /**
   * Of the function that is being read: its number among those with code, its locals, parameters included, and where its
   * instructions begin.
   */
  number = 0;
  localCount = 0;
  codeStart = 0;
  /** Where the loop began whose code so far has no branches and no edits, and the edit in front of it; else -1. */
  simpleLoopAt = -1;
  simpleLoopOpening = -1;
  readonly #facts: ScanFacts;
  readonly #depth: number;

  constructor(facts: ScanFacts, depth: number) {
    this.outline = facts.outline;
    this.added = facts.added;
    this.helpers = facts.helpers;
    this.tableTypes = facts.tableTypes;
    this.isHostReferenced = facts.isHostReferenced;
    this.calls = facts.calls;
    this.paths = new PathCosts(this.edits);
    this.#facts = facts;
    this.#depth = depth;
  }

  /**
   * Sees to it that a function is read, if that is possible, and returns whether it is. Calls of functions that were
   * read to their end cannot close a circle by themselves, so no check need stand before them.
   */
  readFirst(number: number): boolean {
    const { calls } = this;
    if (calls.isUnread(number) && this.#depth < maxReadDepth)
      this.#facts.readFunction(number, this.#depth + 1);
    if (calls.isRead(number)) return true;
    calls.callBlindly(number);
    return false;
  }

  get typeCount(): number {
    return this.outline.types.length;
  }

  get globalCount(): number {
    return this.outline.importedGlobals + this.outline.definedGlobals;
  }

  /** Calls a helper before the instruction at `at`: it takes the length on the stack and gives it back. */
  insertHelper(at: number, helper: number): void {
    this.paths.charge(callCost, at);
    this.edits.push(at, editKind.insertCall, helper);
  }

  /** Calls a helper instead of the instruction from `at` to `end`. */
  replaceByHelper(at: number, end: number, helper: number): void {
    this.paths.charge(callCost, at);
    this.edits.push(at, editKind.replaceByCall, helper, end - at);
  }

  /** Counts bytes of an object before the instruction that makes it. */
  countBytes(at: number, bytes: number): void {
    this.helpers.countObject();
    this.edits.push(at, editKind.countBytes, Math.min(bytes, maxCountedBytes));
  }

  /** Reads a function index of the guest. */
  functionIndex(reader: ByteReader): number {
    const at = reader.at;
    const index = reader.u32();
    if (index >= this.outline.functionTypes.length)
      throw invalidModule(`function ${index} does not exist`, at);
    return index;
  }

  /** Notes that the index between `at` and `end` moves. */
  moveFunctionIndex(at: number, index: number, end: number): void {
    if (index >= this.outline.importedFunctions) this.edits.push(at, editKind.functionIndex, index, end - at);
  }

  /** Reads the index of a type of the given kind. Like the engine, it takes anything in code that cannot run. */
  typeIndex(reader: ByteReader, kind: number): number {
    const at = reader.at;
    const index = reader.u32();
    if (this.outline.types.kinds[index] !== kind && this.paths.isLive)
      throw invalidModule(`type ${index} is absent or of another kind`, at);
    return index;
  }

  /** Reads the type of an indirect call, which the engine checks everywhere. */
  indirectType(reader: ByteReader): number {
    return checkedIndex(reader, this.typeCount, "type");
  }

  typeBytes(type: number): number {
    return this.outline.types.bytes[type] ?? 0;
  }

  memoryIndex(reader: ByteReader): number {
    return checkedIndex(reader, this.outline.importedMemories + this.outline.definedMemories, "memory");
  }

  tableIndex(reader: ByteReader): number {
    return checkedIndex(reader, this.tableTypes.length, "table");
  }

  /** The length on top of the stack at `at`, when it is a small constant. */
  constantLength(at: number, most: number): number | null {
    return this.constantEnd === at && this.constant >= 0 && this.constant <= most ? this.constant : null;
  }
}

function checkedIndex(reader: ByteReader, count: number, what: string): number {
  const at = reader.at;
  const index = reader.u32();
  if (index >= count) throw invalidModule(`${what} ${index} does not exist`, at);
  return index;
}

export function unsupportedInstruction(name: string, offset: number): ModuleError {
  return new ModuleError(
    "module-unsupported-instruction",
    `The module has an instruction that is not known at byte ${offset}: opcode ${name}. Build it without that feature, or load it with --no-limits.`,
  );
}

export function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, "0")}`;
}
