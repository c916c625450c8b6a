/**
 * A handler export of type (i32, i32) -> i64, called without caring how its result crosses the border. The limits give
 * it a twin that returns the halves as i32; without limits the i64 arrives as a BigInt, which costs some ten times the
 * call itself.
 */
export interface Handler {
  readonly name: string;
  /** Calls the guest and returns the result's pointer. */
  call(pointer: number, length: number): number;
  /** Length of the result of the call before. */
  resultLength(): number;
}

export function splitHandler(
  name: string,
  twin: (pointer: number, length: number) => number,
  resultLength: () => number,
): Handler {
  return { name, call: twin, resultLength };
}

export function bigIntHandler(name: string, handler: (pointer: number, length: number) => bigint): Handler {
  let length = 0;
  return {
    name,
    call(pointer, inputLength) {
      const packed = handler(pointer, inputLength);
      length = Number(BigInt.asIntN(32, packed));
      return Number(BigInt.asIntN(32, packed >> 32n));
    },
    resultLength: () => length,
  };
}
