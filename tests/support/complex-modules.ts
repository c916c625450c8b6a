/**
 * Small modules whose one function, exported as `f`, multiplies two counts: shapes that make the engine's compilers keep
 * far more than the module has bytes. Put together byte by byte, since a text compiler would take longer than the engine.
 */

import { leb } from "../unit/metering/module-bytes.ts";

export interface ComplexShape {
  readonly what: string;
  /** A module with so many of the one and of the other, in each of its functions. */
  make(count: number, factor: number, functions?: number): Uint8Array<ArrayBuffer>;
}

const I32 = 0x7f;
const EMPTY = 0x40;
const OPCODE = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  brIf: 0x0d,
  brTable: 0x0e,
  call: 0x10,
  drop: 0x1a,
  tryTable: 0x1f,
  localGet: 0x20,
  localSet: 0x21,
  i32Const: 0x41,
  i32Xor: 0x73,
} as const;
const CATCH = 0;
const CATCH_ALL = 2;
/** Index of the type that a shape brings along, behind those of `f` and of the imported function. */
const OWN_TYPE = 2;

const { block, loop, end, localGet, localSet, i32Const, drop, tryTable, call } = OPCODE;

export const COMPLEX_SHAPES: readonly ComplexShape[] = [
  {
    what: "loops and locals",
    make: (loops, locals, functions = 1) =>
      moduleOf({
        locals,
        functions,
        code: [repeated(loops, [loop, EMPTY, localGet, 0, localSet, 1, end]), xorOf(locals)],
      }),
  },
  {
    what: "loops and operands",
    make: (loops, operands) =>
      moduleOf({
        code: [
          repeated(operands, [i32Const, 1]),
          repeated(loops, [loop, EMPTY, end]),
          repeated(operands, [drop]),
          [localGet, 0],
        ],
      }),
  },
  {
    what: "blocks and values that they take and give",
    make: (blocks, values) =>
      moduleOf({
        type: [values, values],
        code: [
          repeated(values, [i32Const, 1]),
          repeated(blocks, [block, OWN_TYPE]),
          repeated(blocks, [end]),
          repeated(values, [drop]),
          [localGet, 0],
        ],
      }),
  },
  {
    what: "calls within a try and locals",
    make: (calls, locals) =>
      moduleOf({
        locals,
        code: [
          [block, EMPTY, tryTable, EMPTY, 1, CATCH_ALL, 0],
          repeated(calls, [call, 0]),
          [end, end],
          xorOf(locals),
        ],
      }),
  },
  {
    what: "catch clauses and locals",
    make: (clauses, locals) =>
      moduleOf({
        locals,
        code: [
          [block, EMPTY, tryTable, EMPTY, ...leb(clauses)],
          repeated(clauses, [CATCH, 0, 0]),
          [call, 0, end, end],
          xorOf(locals),
        ],
      }),
  },
  {
    what: "branches and values that they carry",
    make: (branches, values) =>
      moduleOf({
        type: [0, values],
        code: [
          [block, OWN_TYPE],
          repeated(values, [i32Const, 1]),
          repeated(branches, [localGet, 0, OPCODE.brIf, 0]),
          [end],
          repeated(values, [drop]),
          [localGet, 0],
        ],
      }),
  },
  {
    what: "branch table entries and values that they carry",
    make: (entries, values) =>
      moduleOf({
        type: [0, values],
        code: [
          [block, OWN_TYPE],
          repeated(values, [i32Const, 1]),
          [localGet, 0, OPCODE.brTable, ...leb(entries)],
          repeated(entries, [0]),
          [0, end],
          repeated(values, [drop]),
          [localGet, 0],
        ],
      }),
  },
  {
    what: "ifs in each other and locals that are set in them",
    make: (ifs, locals) =>
      moduleOf({
        locals,
        code: [
          repeated(ifs, [localGet, 0, OPCODE.if, EMPTY]),
          ...Array.from({ length: locals }, (_, i) => [localGet, 0, localSet, ...leb(1 + i)]),
          repeated(ifs, [end]),
          xorOf(locals),
        ],
      }),
  },
];

/** Exports of one function, so many times. */
export function moduleOfExports(count: number): Uint8Array<ArrayBuffer> {
  const entries = Array.from({ length: count }, (_, i) => {
    const name = Buffer.from(`e${i}`);
    return Buffer.concat([Buffer.from([name.length]), name, Buffer.from([0, 1])]);
  });
  return moduleOf({ code: [[localGet, 0]], exports: entries });
}

/** Functions that an element names, so many. */
export function moduleOfReferences(count: number): Uint8Array<ArrayBuffer> {
  const indices = Array.from({ length: count }, (_, i) => leb(1 + i)).flat();
  return moduleOf({
    code: [[localGet, 0]],
    functions: count,
    elements: Buffer.concat([Buffer.from([1, 3, 0, ...leb(count)]), Buffer.from(indices)]),
  });
}

interface ModuleParts {
  readonly code: readonly (readonly number[])[];
  /** Of `f`, beside its parameter. */
  readonly locals?: number;
  /** How many values the shape's own type takes and gives. */
  readonly type?: readonly [parameters: number, results: number];
  /** How often `f` is there. */
  readonly functions?: number;
  readonly exports?: readonly Buffer[];
  readonly elements?: Buffer;
}

function moduleOf({ code, locals = 0, type = [0, 0], functions = 1, exports = [], elements }: ModuleParts) {
  const body = Buffer.concat([
    Buffer.from(locals === 0 ? [0] : [1, ...leb(locals), I32]),
    ...code.map((part) => Buffer.from(part)),
    Buffer.from([end]),
  ]);
  const sized = Buffer.concat([Buffer.from(leb(body.length)), body]);
  const [parameters, results] = type;
  const types = [3, ...functionType(1, 1), ...functionType(0, 0), ...functionType(parameters, results)];
  const f = Buffer.from([1, 0x66, 0, 1]);
  return new Uint8Array(
    Buffer.concat([
      Buffer.from([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
      section(1, Buffer.from(types)),
      section(2, Buffer.from([1, 1, 0x65, 1, 0x68, 0, 1])),
      section(3, Buffer.concat([Buffer.from(leb(functions)), Buffer.alloc(functions)])),
      section(13, Buffer.from([1, 0, 1])),
      section(7, Buffer.concat([Buffer.from(leb(1 + exports.length)), f, ...exports])),
      ...(elements === undefined ? [] : [section(9, elements)]),
      section(
        10,
        Buffer.concat([Buffer.from(leb(functions)), ...Array.from({ length: functions }, () => sized)]),
      ),
    ]),
  );
}

function section(id: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([id, ...leb(content.length)]), content]);
}

function functionType(parameters: number, results: number): number[] {
  const values = (count: number) => [...leb(count), ...new Array<number>(count).fill(I32)];
  return [0x60, ...values(parameters), ...values(results)];
}

function repeated(count: number, code: readonly number[]): number[] {
  return Array.from({ length: count }, () => code).flat();
}

/** All locals are alive up to here, so that the compiler has to keep them. */
function xorOf(locals: number): number[] {
  const code: number[] = [localGet, 0];
  for (let i = 1; i <= locals; i++) code.push(localGet, ...leb(i), OPCODE.i32Xor);
  return code;
}
