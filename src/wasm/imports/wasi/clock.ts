/** The wall clock and the monotonic clock, to the microsecond. Clocks of processor time are refused. */

import type { ImportFunctions } from "../import-functions.ts";
import type { ImportHost } from "../import-host.ts";
import { ERRNO } from "./errno.ts";

const REALTIME = 0;
const MONOTONIC = 1;
const RESOLUTION_NS = 1000;
const TWO_TO_32 = 0x1_0000_0000;

export function clockFunctions(host: ImportHost): ImportFunctions {
  return {
    clock_time_get(clockId: number, _precision: bigint, resultPointer: number): number {
      if (clockId !== REALTIME && clockId !== MONOTONIC) return host.refuse("clock_time_get", ERRNO.inval);
      const memory = host.memory.current();
      const pointer = resultPointer >>> 0;
      if (!memory.holds(pointer, 8)) return ERRNO.fault;
      writeMicrosAsNs(
        memory.data,
        pointer,
        clockId === REALTIME ? host.clock.realtimeMicros() : host.clock.monotonicMicros(),
      );
      return ERRNO.success;
    },
    clock_res_get(clockId: number, resultPointer: number): number {
      if (clockId !== REALTIME && clockId !== MONOTONIC) return host.refuse("clock_res_get", ERRNO.inval);
      const memory = host.memory.current();
      const pointer = resultPointer >>> 0;
      if (!memory.holds(pointer, 8)) return ERRNO.fault;
      memory.data.setUint32(pointer, RESOLUTION_NS, true);
      memory.data.setUint32(pointer + 4, 0, true);
      return ERRNO.success;
    },
  };
}

/** As a 64-bit integer in two halves: nanoseconds since 1970 are not exact in a double, and a BigInt costs more. */
export function writeMicrosAsNs(data: DataView, pointer: number, micros: number): void {
  const low = (micros % TWO_TO_32) * 1000;
  const high = Math.floor(micros / TWO_TO_32) * 1000 + Math.floor(low / TWO_TO_32);
  data.setUint32(pointer, low % TWO_TO_32, true);
  data.setUint32(pointer + 4, high, true);
}
