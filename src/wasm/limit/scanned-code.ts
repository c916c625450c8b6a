/**
 * The code section as a whole: scans every function, keeps what changes, and writes the section anew.
 */

import { ModuleError } from "../module-error.ts";
import type { AddedDefinitions } from "./added-definitions.ts";
import { BranchHintWriter, readBranchHints } from "./branch-hints.ts";
import { ByteReader, invalidModule } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { scanFunction } from "./code-scanner.ts";
import { CodeWriter, type ScannedBody } from "./code-writer.ts";
import { EditList } from "./edit-list.ts";
import type { LimitHelpers } from "./limit-helpers.ts";
import { expectEnd, type ModuleOutline, sectionId } from "./module-outline.ts";
import { ScanContext, type ScanFacts } from "./scan-context.ts";

/** JavaScriptCore accepts no larger function. */
const maxFunctionBytes = 7_654_321;

/** A check and a moved index take more room; this much more is seldom exceeded. */
const usualGrowth = 1.25;

export interface WrittenCode {
  readonly code: ByteWriter;
  /** Content of the section of branch hints without its name; null when there are none. */
  readonly hints: ByteWriter | null;
}

export class ScannedCode {
  readonly #outline: ModuleOutline;
  readonly #edits = new EditList();
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  /** Where the instructions begin. */
  readonly #codeStarts: Int32Array;
  /** The local variable that the loops of a function count in, or -1. */
  readonly #counters: Int32Array;
  /** One more than there are functions: the edits of a function end where those of the next begin. */
  readonly #firstEdits: Int32Array;

  constructor(facts: ScanFacts) {
    this.#outline = facts.outline;
    const { bytes, sections, functionTypes, importedFunctions } = facts.outline;
    const count = functionTypes.length - importedFunctions;
    this.#starts = new Int32Array(count);
    this.#ends = new Int32Array(count);
    this.#codeStarts = new Int32Array(count);
    this.#counters = new Int32Array(count);
    this.#firstEdits = new Int32Array(count + 1);
    const section = sections.find(({ id }) => id === sectionId.code);
    const reader = new ByteReader(bytes, section?.start ?? 0, section?.end ?? 0);
    const bodies = section === undefined ? 0 : reader.count();
    if (bodies !== count)
      throw invalidModule(`${count} functions are declared, but ${bodies} have code`, reader.at);
    this.#scan(new ScanContext(facts, this.#edits), reader);
    expectEnd(reader);
  }

  #scan(context: ScanContext, reader: ByteReader): void {
    for (let number = 0; number < this.#starts.length; number++) {
      const body = reader.range();
      if (body.end - body.at > maxFunctionBytes) throw functionTooLarge(body);
      this.#starts[number] = body.at;
      this.#ends[number] = body.end;
      this.#firstEdits[number] = this.#edits.length;
      const hasCounter = scanFunction(context, body, this.#parameters(number));
      context.endFunction();
      this.#codeStarts[number] = context.codeStart;
      this.#counters[number] = hasCounter ? context.localCount : -1;
    }
    this.#firstEdits[this.#starts.length] = this.#edits.length;
  }

  #parameters(number: number): number {
    const { types, functionTypes, importedFunctions } = this.#outline;
    return types.parameters[functionTypes[importedFunctions + number] as number] as number;
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
    for (let number = 0; number < count; number++) {
      writer.write(code, this.#body(number), number, guestHints.get(number));
    }
    for (const { body } of added.functions) {
      code.u32(body.length);
      code.bytes(body);
    }
    return { code, hints: hints.functionCount === 0 ? null : withCount(hints.functionCount, hintContent) };
  }

  #body(number: number): ScannedBody {
    return {
      start: this.#starts[number] as number,
      codeStart: this.#codeStarts[number] as number,
      end: this.#ends[number] as number,
      counter: this.#counters[number] as number,
      firstEdit: this.#firstEdits[number] as number,
      endEdit: this.#firstEdits[number + 1] as number,
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
