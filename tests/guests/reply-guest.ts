/**
 * A guest that answers every event with given bytes, assembled by hand: tests can make any result without a toolchain,
 * and without waiting for one.
 */

const PAGE_BYTES = 65536;
/** Where the result lies; a pointer of 0 would mean "allow". */
const RESULT_POINTER = 16;

const I32 = 0x7f;
const I64 = 0x7e;
const FUNCTION_TYPE = 0x60;
const EXPORTED_FUNCTION = 0;
const EXPORTED_MEMORY = 2;
const END = 0x0b;

/** Answers requests and responses alike. The input may be as long as memory can grow. */
export function replyGuest(resultBytes: Uint8Array | string): Uint8Array<ArrayBuffer> {
  const result = typeof resultBytes === "string" ? Buffer.from(resultBytes) : resultBytes;
  const inputPage = Math.ceil((RESULT_POINTER + result.length) / PAGE_BYTES);
  const packed = (BigInt(RESULT_POINTER) << 32n) | BigInt(result.length);

  const handler = [0x42, ...signed(packed)]; // i64.const
  return Uint8Array.from(
    Buffer.concat([
      Buffer.from([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]),
      section(1, [
        ...vector([
          [FUNCTION_TYPE, ...vector([[I32], [I32]]), ...vector([[I64]])], // 0: handlers
          [FUNCTION_TYPE, ...vector([[I32]]), ...vector([[I32]])], // 1: alloc
          [FUNCTION_TYPE, ...vector([[I32], [I32]]), ...vector([])], // 2: dealloc
        ]),
      ]),
      section(3, vector([[0], [1], [2]])),
      section(5, vector([[0x00, ...unsigned(inputPage + 1)]])),
      section(
        7,
        vector([
          exported("memory", EXPORTED_MEMORY, 0),
          exported("on_request_headers", EXPORTED_FUNCTION, 0),
          exported("on_response_headers", EXPORTED_FUNCTION, 0),
          exported("alloc", EXPORTED_FUNCTION, 1),
          exported("dealloc", EXPORTED_FUNCTION, 2),
        ]),
      ),
      section(10, vector([body(handler), body(allocCode(inputPage)), body([])])),
      section(
        11,
        // An active segment: memory 0, its offset, then the bytes.
        [...unsigned(1), 0x00, 0x41, ...signed(BigInt(RESULT_POINTER)), END, ...unsigned(result.length)],
        result,
      ),
    ]),
  );
}

/** Grows by as many pages as the input has whole ones, since one is there, and hands out the input page. */
function allocCode(inputPage: number): number[] {
  return [
    ...[0x20, 0x00], // local.get 0
    ...[0x41, ...signed(16n)], // i32.const 16
    0x76, // i32.shr_u
    ...[0x41, ...signed(BigInt(inputPage + 1))], // i32.const: pages at the start
    0x6a, // i32.add
    ...[0x3f, 0x00], // memory.size
    0x6b, // i32.sub: pages that lack; negative when there are enough
    ...[0x22, 0x00], // local.tee 0
    ...[0x41, ...signed(0n)], // i32.const 0
    0x4a, // i32.gt_s
    ...[0x04, 0x40], // if
    ...[0x20, 0x00], // local.get 0
    ...[0x40, 0x00], // memory.grow
    0x1a, // drop: the host finds out by itself that the place is not there
    END,
    ...[0x41, ...signed(BigInt(inputPage * PAGE_BYTES))], // i32.const
  ];
}

function section(id: number, content: readonly number[], tail: Uint8Array = new Uint8Array(0)): Buffer {
  const head = Buffer.from([id, ...unsigned(content.length + tail.length), ...content]);
  return Buffer.concat([head, tail]);
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

/** A function body without locals of its own. */
function body(code: readonly number[]): number[] {
  return [...unsigned(code.length + 2), 0, ...code, END];
}

function exported(name: string, kind: number, index: number): number[] {
  return [...unsigned(name.length), ...Buffer.from(name), kind, index];
}

/** LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return [...bytes, rest];
}

function signed(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && byte < 0x40) || (rest === -1n && byte >= 0x40)) return [...bytes, byte];
    bytes.push(byte | 0x80);
  }
}
