/**
 * An event handler that a guest exports, called without caring how its result crosses the border. Metering splits
 * exports of type (i32 ...) -> i64 into two calls that return the halves as i32; without limits the i64 arrives as a
 * BigInt, which costs some ten times the call itself.
 */
export interface Handler {
  readonly name: string;
  /** Takes the event's bytes beside its JSON. */
  readonly takesBytes: boolean;
  /** Calls the guest and returns the result's pointer. The last two arguments are ignored unless it takes bytes. */
  call(pointer: number, length: number, bytesPointer: number, bytesLength: number): number;
  /** Length of the result of the call before. */
  resultLength(): number;
}

type GuestFunction<Result> = (
  pointer: number,
  length: number,
  bytesPointer: number,
  bytesLength: number,
) => Result;

export function splitHandler(
  name: string,
  takesBytes: boolean,
  highHalf: GuestFunction<number>,
  lowHalf: () => number,
): Handler {
  return { name, takesBytes, call: highHalf, resultLength: lowHalf };
}

export function bigIntHandler(name: string, takesBytes: boolean, handler: GuestFunction<bigint>): Handler {
  let length = 0;
  return {
    name,
    takesBytes,
    call(pointer, inputLength, bytesPointer, bytesLength) {
      const packed = handler(pointer, inputLength, bytesPointer, bytesLength);
      length = Number(BigInt.asIntN(32, packed));
      return Number(BigInt.asIntN(32, packed >> 32n));
    },
    resultLength: () => length,
  };
}

/** A handler without a result: every event is "no opinion". */
export function silentHandler(name: string, handler: GuestFunction<void>): Handler {
  return {
    name,
    takesBytes: false,
    call(pointer, inputLength, bytesPointer, bytesLength) {
      handler(pointer, inputLength, bytesPointer, bytesLength);
      return 0;
    },
    resultLength: () => 0,
  };
}
