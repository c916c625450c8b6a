/**
 * Copies the sections whose entries are constant expressions or lists of functions: tables, globals, elements. Function
 * indices move on the way. Arrays and structs that initialisers make are counted, since they exist before any code
 * could count them.
 */

import { ModuleError } from "../module-error.ts";
import type { AddedDefinitions } from "./added-definitions.ts";
import { type ByteReader, invalidModule } from "../binary/byte-reader.ts";
import type { ByteWriter } from "../binary/byte-writer.ts";
import type { ModuleOutline } from "../binary/module-outline.ts";
import { gcOpcode, opcode } from "../binary/opcode.ts";
import { hex, unsupportedInstruction } from "./scan-context.ts";
import { objectHeaderBytes, skipHeapType, skipValueType, typeKind } from "../binary/type-section.ts";

/** A value on the stack of a constant expression: an i32 when it is one and known. */
type Known = number | undefined;

export class Initialisers {
  /** Whether an element, a table or a global holds a function of the host. */
  isHostReferenced = false;
  /** Bytes of the objects that initialisers make. */
  objectBytes = 0;
  readonly #outline: ModuleOutline;
  readonly #added: AddedDefinitions;
  readonly #maxObjectBytes: number;
  readonly #isReferenced: Uint8Array;
  /** Initial values of the globals. */
  readonly #globals: Known[];

  /** `isReferenced`, by function index, becomes 1 for what an element, a table or a global holds. */
  constructor(
    outline: ModuleOutline,
    added: AddedDefinitions,
    maxObjectBytes: number,
    isReferenced: Uint8Array,
  ) {
    this.#outline = outline;
    this.#added = added;
    this.#maxObjectBytes = maxObjectBytes;
    this.#isReferenced = isReferenced;
    this.#globals = new Array<Known>(outline.importedGlobals).fill(undefined);
  }

  get typeCount(): number {
    return this.#outline.types.length;
  }

  copyGlobals(reader: ByteReader, writer: ByteWriter): void {
    for (let left = reader.count(); left > 0; left--) {
      const start = reader.at;
      skipValueType(reader, this.typeCount);
      reader.u8();
      writer.range(reader.bytes, start, reader.at);
      this.#globals.push(this.copyExpression(reader, writer));
    }
  }

  /** https://webassembly.github.io/spec/core/binary/modules.html#element-section */
  copyElements(reader: ByteReader, writer: ByteWriter): void {
    const count = reader.count();
    writer.u32(count);
    for (let left = count; left > 0; left--) {
      const flags = reader.u32();
      if (flags > 7) throw invalidModule(`element segment form ${flags} is unknown`, reader.at - 1);
      writer.u32(flags);
      const isActive = (flags & 1) === 0;
      const isExplicit = (flags & 2) !== 0;
      if (isActive) {
        if (isExplicit) writer.u32(reader.u32());
        this.copyExpression(reader, writer);
      }
      const holdsExpressions = (flags & 4) !== 0;
      if (!isActive || isExplicit) this.#copyElementType(reader, writer, holdsExpressions);
      const length = reader.count();
      writer.u32(length);
      for (let entry = 0; entry < length; entry++) {
        if (holdsExpressions) this.copyExpression(reader, writer);
        else this.#copyFunctionIndex(reader, writer);
      }
    }
  }

  #copyElementType(reader: ByteReader, writer: ByteWriter, isValueType: boolean): void {
    const start = reader.at;
    if (isValueType) skipValueType(reader, this.typeCount);
    else reader.u8();
    writer.range(reader.bytes, start, reader.at);
  }

  #copyFunctionIndex(reader: ByteReader, writer: ByteWriter): void {
    const at = reader.at;
    const index = reader.u32();
    if (index >= this.#outline.functionTypes.length)
      throw invalidModule(`function ${index} does not exist`, at);
    if (index < this.#outline.importedFunctions) this.isHostReferenced = true;
    this.#isReferenced[index] = 1;
    writer.u32(this.#added.movedFunction(index));
  }

  /** Copies one expression with its end; returns its value when that is a known i32. */
  copyExpression(reader: ByteReader, writer: ByteWriter): Known {
    const stack: Known[] = [];
    for (;;) {
      const at = reader.at;
      const code = reader.u8();
      if (code === opcode.refFunc) {
        writer.u8(code);
        this.#copyFunctionIndex(reader, writer);
        stack.push(undefined);
        continue;
      }
      if (code === opcode.gcPrefix) this.#evaluateGc(reader, stack, at);
      else this.#evaluate(reader, stack, code, at);
      writer.range(reader.bytes, at, reader.at);
      if (code === opcode.end) return stack.pop();
    }
  }

  #evaluate(reader: ByteReader, stack: Known[], code: number, at: number): void {
    switch (code) {
      case opcode.end:
        return;
      case opcode.i32Const:
        stack.push(reader.s32());
        return;
      case opcode.i64Const:
        reader.skipS64();
        stack.push(undefined);
        return;
      case opcode.f32Const:
        reader.skip(4);
        stack.push(undefined);
        return;
      case opcode.f64Const:
        reader.skip(8);
        stack.push(undefined);
        return;
      case opcode.simdPrefix:
        if (reader.u32() !== v128Const) throw notConstant(code, at);
        reader.skip(16);
        stack.push(undefined);
        return;
      case opcode.globalGet:
        stack.push(this.#globalValue(reader));
        return;
      case opcode.refNull:
        skipHeapType(reader, this.typeCount);
        stack.push(undefined);
        return;
      case opcode.i32Add:
      case opcode.i32Sub:
      case opcode.i32Mul: {
        const right = stack.pop();
        stack.push(calculate(code, stack.pop(), right));
        return;
      }
      case opcode.i64Add:
      case opcode.i64Sub:
      case opcode.i64Mul:
        stack.pop();
        stack.pop();
        stack.push(undefined);
        return;
      default:
        throw notConstant(code, at);
    }
  }

  #globalValue(reader: ByteReader): Known {
    const at = reader.at;
    const index = reader.u32();
    const { importedGlobals, definedGlobals } = this.#outline;
    if (index >= importedGlobals + definedGlobals) throw invalidModule(`global ${index} does not exist`, at);
    return this.#globals[index];
  }

  #evaluateGc(reader: ByteReader, stack: Known[], at: number): void {
    const code = reader.u32();
    switch (code) {
      case gcOpcode.structNew:
      case gcOpcode.structNewDefault: {
        // How many operands a struct takes does not matter: no length can be among them.
        stack.length = 0;
        this.#count(1, this.#objectType(reader, typeKind.struct), at);
        break;
      }
      case gcOpcode.arrayNew:
      case gcOpcode.arrayNewDefault: {
        const length = stack.pop();
        if (code === gcOpcode.arrayNew) stack.pop();
        this.#count(
          length === undefined ? Number.POSITIVE_INFINITY : length >>> 0,
          this.#objectType(reader, typeKind.array),
          at,
        );
        break;
      }
      case gcOpcode.arrayNewFixed: {
        const type = this.#objectType(reader, typeKind.array);
        const length = reader.u32();
        stack.length = Math.max(0, stack.length - length);
        this.#count(length, type, at);
        break;
      }
      case gcOpcode.refI31:
      case gcOpcode.anyConvertExtern:
      case gcOpcode.externConvertAny:
        stack.pop();
        break;
      default:
        throw unsupportedInstruction(`${hex(opcode.gcPrefix)} ${hex(code)} (in a constant expression)`, at);
    }
    stack.push(undefined);
  }

  #objectType(reader: ByteReader, kind: number): number {
    const at = reader.at;
    const type = reader.u32();
    if (this.#outline.types.kinds[type] !== kind)
      throw invalidModule(`type ${type} is absent or of another kind`, at);
    return type;
  }

  #count(length: number, type: number, at: number): void {
    this.objectBytes += objectHeaderBytes + length * (this.#outline.types.bytes[type] ?? 0);
    if (this.objectBytes > this.#maxObjectBytes) {
      throw new ModuleError(
        "module-memory-too-large",
        `The initialisers of the module make objects of more than ${this.#maxObjectBytes} bytes (at byte ${at}). Raise --max-memory or make smaller objects.`,
      );
    }
  }
}

const v128Const = 0x0c;

function calculate(code: number, left: Known, right: Known): Known {
  if (left === undefined || right === undefined) return undefined;
  switch (code) {
    case opcode.i32Add:
      return (left + right) | 0;
    case opcode.i32Sub:
      return (left - right) | 0;
    default:
      return Math.imul(left, right);
  }
}

function notConstant(code: number, at: number): ModuleError {
  return unsupportedInstruction(`${hex(code)} (in a constant expression)`, at);
}
