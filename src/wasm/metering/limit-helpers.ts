/**
 * The functions the rewrite adds for code to call: the end of a slice, charges by length, growth within the caps and
 * the account of garbage-collected bytes. Each is made when code first asks for it.
 */

import type { AddedDefinitions } from "./added-definitions.ts";
import {
  brIf,
  bulk,
  type Code,
  call,
  either,
  functionBody,
  functionType,
  globalGet,
  globalSet,
  i32Const,
  i64Const,
  localGet,
  localSet,
  localTee,
  loop,
  memoryGrow,
  memorySize,
  sequence,
  tableSize,
  whenTrue,
} from "../binary/instruction-bytes.ts";
import type { LimitOptions } from "./limited-module.ts";
import { bulkOpcode, opcode, typeCode } from "../binary/opcode.ts";
import { countedAhead, creditParts } from "./loop-credit.ts";
import { objectHeaderBytes } from "../binary/type-section.ts";

const { i32, i64 } = typeCode;

export const pageBytes = 65536;
const maxPages = 65536;

/** One unit of fuel pays for so many bytes of a bulk operation on memory, as a power of two. */
export const bytesPerUnitShift = 3;

/** Longer fills and copies of memory are done in pieces, with a check before each. */
export const pieceBytes = 2 ** 20;

/** The engine may move a memory that grows: units for each of its pages, as a power of two. */
const growthUnitsShift = 12;

/** No table or array can have as many elements; keeps a charge within 32 bits. */
const maxChargedElements = 2 ** 28;

/** The account is a signed 32-bit number, so larger caps mean this one. */
const maxAccountBytes = 2 ** 31 - 1;

export interface ModuleSizes {
  /** Memories and tables, the imported ones included. */
  readonly memories: number;
  readonly tables: number;
  /** Size of the guest's module, and so more than the length of any segment. */
  readonly moduleBytes: number;
  /** Bytes of the objects that the module's initialisers make. */
  readonly initialObjectBytes: number;
}

export class LimitHelpers {
  readonly fuelGlobal: number;
  /** () -> (): called when the fuel is negative; traps or renews the slice. */
  readonly sliceEnd: number;
  readonly #added: AddedDefinitions;
  readonly #options: LimitOptions;
  readonly #module: ModuleSizes;
  readonly #made = new Map<string, number>();
  #accountGlobal: number | null = null;

  constructor(added: AddedDefinitions, options: LimitOptions, module: ModuleSizes) {
    this.#added = added;
    this.#options = options;
    this.#module = module;
    this.fuelGlobal = added.addGlobal(options.fuelPerSlice);
    this.sliceEnd = added.addFunction(functionType([], []), functionBody(i32, this.#renewSlice()));
  }

  /** Counts bytes of garbage-collected objects. Null while no code has asked for it. */
  get accountGlobal(): number | null {
    return this.#accountGlobal;
  }

  /**
   * (counted) -> counter: takes what a loop has counted beyond what was paid, and pays for its next turns. Pays in full
   * when nothing else has taken fuel since the last time, because then it is the same loop that goes on.
   */
  spendFuel(): number {
    return this.#make("spend fuel", functionType([i32], [i32]), null, () => {
      const fuelLastTime = this.#added.addGlobal(0);
      const spend = (ahead: number): Code =>
        this.#charge(sequence(localGet(0), i32Const(ahead), opcode.i32Add));
      return sequence(
        globalGet(this.fuelGlobal),
        globalGet(fuelLastTime),
        opcode.i32Eq,
        either(spend(countedAhead), spend(countedAhead / creditParts)),
        globalGet(this.fuelGlobal),
        globalSet(fuelLastTime),
        i32Const(-countedAhead),
      );
    });
  }

  /** (fuel) -> fuel left, at least -1 and at most a whole slice: takes fuel for work of the host, or gives it. */
  chargeFromHost(): number {
    const whole = this.#options.fuelPerSlice;
    return this.#make("charge from host", functionType([i32], [i32]), null, () =>
      sequence(
        globalGet(this.fuelGlobal),
        localGet(0),
        opcode.i32Sub,
        localTee(0),
        i32Const(-1),
        localGet(0),
        i32Const(-1),
        opcode.i32GtS,
        opcode.select,
        localTee(0),
        i32Const(whole),
        localGet(0),
        i32Const(whole),
        opcode.i32LtS,
        opcode.select,
        globalSet(this.fuelGlobal),
        globalGet(this.fuelGlobal),
      ),
    );
  }

  /** (length) -> length: charges for that many bytes of memory. */
  chargeBytes(): number {
    return this.#passOn(
      "charge bytes",
      this.#charge(sequence(localGet(0), i32Const(bytesPerUnitShift), opcode.i32ShrU)),
    );
  }

  /** (length) -> length: charges for that many elements of a table or an array. */
  chargeElements(): number {
    return this.#passOn("charge elements", this.#charge(atMost(maxChargedElements, 0)));
  }

  /** (delta) -> old size or -1, in pages. */
  growMemory(memory: number): number {
    const pages = sequence(atMost(maxPages, 0), memorySize(memory), opcode.i32Add);
    const cap = Math.floor(this.#options.maxMemoryBytes / pageBytes);
    return this.#make(`grow memory ${memory}`, functionType([i32], [i32]), null, () =>
      sequence(
        this.#charge(sequence(pages, i32Const(growthUnitsShift), opcode.i32Shl)),
        refuseGrowth(0, cap, this.#totalSize("memory", this.#module.memories, memorySize)),
        localGet(0),
        memoryGrow(memory),
      ),
    );
  }

  /** (value, delta) -> old size or -1. `elementType`: the bytes of the table's reference type. */
  growTable(table: number, elementType: Code): number {
    const type = sequence(typeCode.func, 2, elementType, i32, 1, i32);
    return this.#make(`grow table ${table}`, type, null, () =>
      sequence(
        this.#charge(sequence(atMost(maxChargedElements, 1), tableSize(table), opcode.i32Add)),
        refuseGrowth(
          1,
          this.#options.maxTableEntries,
          this.#totalSize("table", this.#module.tables, tableSize),
        ),
        localGet(0),
        localGet(1),
        bulk(bulkOpcode.tableGrow, table),
      ),
    );
  }

  /** `memory.fill`, in pieces when it is long. */
  fillMemory(memory: number): number {
    const fill = bulk(bulkOpcode.memoryFill, memory);
    const pieces = this.#eachPiece(
      sequence(localGet(0), localGet(1), i32Const(pieceBytes), fill, advance(0), shorten),
    );
    return this.#make(`fill memory ${memory}`, functionType([i32, i32, i32], []), null, () =>
      sequence(
        whenLong(isInBounds(0, memory), whenTrue(pieces)),
        this.#chargeRest(),
        localGet(0),
        localGet(1),
        localGet(2),
        fill,
      ),
    );
  }

  /** `memory.copy`, in pieces when it is long: from the end when the source may be overwritten. */
  copyMemory(to: number, from: number): number {
    const copy = bulk(bulkOpcode.memoryCopy, to, from);
    const forwards = this.#eachPiece(
      sequence(localGet(0), localGet(1), i32Const(pieceBytes), copy, advance(0), advance(1), shorten),
    );
    const backwards = this.#eachPiece(
      sequence(shorten, behindRest(0), behindRest(1), i32Const(pieceBytes), copy),
    );
    return this.#make(`copy memory ${from} to ${to}`, functionType([i32, i32, i32], []), null, () =>
      sequence(
        whenLong(
          sequence(isInBounds(0, to), isInBounds(1, from), opcode.i32And),
          whenTrue(localGet(0), localGet(1), opcode.i32GtU, either(backwards, forwards)),
        ),
        this.#chargeRest(),
        localGet(0),
        localGet(1),
        localGet(2),
        copy,
      ),
    );
  }

  /** (bytes) -> (): counts an object of that size. */
  countObject(): number {
    const account = this.#account();
    return this.#make("count object", functionType([i32], []), null, () =>
      sequence(
        globalGet(account),
        localGet(0),
        opcode.i32Add,
        localTee(0),
        i32Const(this.#accountCap()),
        opcode.i32GtU,
        whenTrue(opcode.unreachable),
        localGet(0),
        globalSet(account),
      ),
    );
  }

  /** (length) -> length: counts an array with elements of `elementBytes` and charges for it. */
  countArray(elementBytes: number): number {
    return this.#countArray(`count array of ${elementBytes}`, elementBytes, []);
  }

  /**
   * The same for an array copied from a segment. A length beyond the whole module is left to the instruction, which
   * traps with a better reason.
   */
  countCopiedArray(elementBytes: number): number {
    return this.#countArray(
      `count copied array of ${elementBytes}`,
      elementBytes,
      sequence(
        localGet(0),
        i32Const(this.#module.moduleBytes),
        opcode.i32GtU,
        whenTrue(localGet(0), opcode.return),
      ),
    );
  }

  #countArray(key: string, elementBytes: number, before: Code): number {
    const account = this.#account();
    const arrayBytes = sequence(
      localGet(0),
      opcode.i64ExtendI32U,
      i64Const(elementBytes),
      opcode.i64Mul,
      i64Const(objectHeaderBytes),
      opcode.i64Add,
    );
    return this.#make(key, functionType([i32], [i32]), i64, () =>
      sequence(
        before,
        arrayBytes,
        globalGet(account),
        opcode.i64ExtendI32U,
        opcode.i64Add,
        localTee(1),
        i64Const(this.#accountCap()),
        opcode.i64GtU,
        whenTrue(opcode.unreachable),
        localGet(1),
        opcode.i32WrapI64,
        globalSet(account),
        this.#charge(
          sequence(
            localGet(0),
            i32Const(elementBytes),
            opcode.i32Mul,
            i32Const(bytesPerUnitShift),
            opcode.i32ShrU,
          ),
        ),
        localGet(0),
      ),
    );
  }

  /** Its own function, so that as many growing instructions as memories or tables do not multiply. */
  #totalSize(what: string, count: number, sizeOf: (index: number) => Code): Code {
    const sizes = (): Code =>
      Array.from({ length: count }, (_, index) =>
        index === 0 ? sizeOf(0) : sequence(sizeOf(index), opcode.i32Add),
      ).flat();
    return call(this.#make(`total ${what} size`, functionType([], [i32]), null, sizes));
  }

  /** Charges what stands on the stack after `units`, and ends the slice when it is used up. */
  #charge(units: Code): Code {
    return sequence(
      globalGet(this.fuelGlobal),
      units,
      opcode.i32Sub,
      globalSet(this.fuelGlobal),
      globalGet(this.fuelGlobal),
      i32Const(0),
      opcode.i32LtS,
      whenTrue(call(this.sliceEnd)),
    );
  }

  #renewSlice(): Code {
    return sequence(
      call(this.#added.importedFunction),
      localTee(0),
      opcode.i32Eqz,
      whenTrue(opcode.unreachable),
      localGet(0),
      globalSet(this.fuelGlobal),
    );
  }

  /** Repeats one piece, paid for in advance, while more than one is left; local 2 is the length. */
  #eachPiece(piece: Code): Code {
    return loop(this.#charge(i32Const(pieceBytes >> bytesPerUnitShift)), piece, isLong, brIf(0));
  }

  #chargeRest(): Code {
    return this.#charge(sequence(localGet(2), i32Const(bytesPerUnitShift), opcode.i32ShrU));
  }

  #passOn(key: string, code: Code): number {
    return this.#make(key, functionType([i32], [i32]), null, () => sequence(code, localGet(0)));
  }

  #make(key: string, type: Code, local: number | null, code: () => Code): number {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const index = this.#added.addFunction(type, functionBody(local, code()));
    this.#made.set(key, index);
    return index;
  }

  #account(): number {
    this.#accountGlobal ??= this.#added.addGlobal(this.#module.initialObjectBytes);
    return this.#accountGlobal;
  }

  #accountCap(): number {
    return Math.min(this.#options.maxMemoryBytes, maxAccountBytes);
  }
}

/** A local as an unsigned number, or the limit when that is less. */
function atMost(limit: number, local: number): Code {
  return sequence(
    localGet(local),
    i32Const(limit),
    localGet(local),
    i32Const(limit),
    opcode.i32LtU,
    opcode.select,
  );
}

/** Returns -1 from the helper when growing by the local would bring the total size above the cap. */
function refuseGrowth(local: number, cap: number, totalSize: Code): Code {
  const refuse = whenTrue(i32Const(-1), opcode.return);
  return sequence(
    localGet(local),
    i32Const(cap),
    opcode.i32GtU,
    refuse,
    localGet(local),
    totalSize,
    opcode.i32Add,
    i32Const(cap),
    opcode.i32GtU,
    refuse,
  );
}

const isLong = sequence(localGet(2), i32Const(pieceBytes), opcode.i32GtU);
const shorten = sequence(localGet(2), i32Const(pieceBytes), opcode.i32Sub, localSet(2));

function whenLong(condition: Code, work: Code): Code {
  return sequence(isLong, whenTrue(condition, work));
}

function advance(local: number): Code {
  return sequence(localGet(local), i32Const(pieceBytes), opcode.i32Add, localSet(local));
}

/** The address behind what is left when the last piece has been taken off the length. */
function behindRest(local: number): Code {
  return sequence(localGet(local), localGet(2), opcode.i32Add);
}

/** 1 when `length` bytes (local 2) from the address in the local lie within the memory, so that no piece can trap. */
function isInBounds(local: number, memory: number): Code {
  return sequence(
    localGet(local),
    opcode.i64ExtendI32U,
    localGet(2),
    opcode.i64ExtendI32U,
    opcode.i64Add,
    memorySize(memory),
    opcode.i64ExtendI32U,
    i64Const(16),
    opcode.i64Shl,
    opcode.i64LeU,
  );
}
