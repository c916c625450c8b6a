/**
 * Real randomness, at most 64 KiB a call. More is refused as a whole: filling a part and calling it success would leave
 * a guest with keys made of zeros.
 */

import type { ImportFunctions } from "../import-functions.ts";
import type { ImportHost } from "../import-host.ts";
import { ERRNO } from "./errno.ts";

const MAX_RANDOM_BYTES = 64 * 1024;

export function randomFunctions(host: ImportHost): ImportFunctions {
  return {
    random_get(pointer: number, length: number): number {
      const start = pointer >>> 0;
      const byteLength = length >>> 0;
      if (byteLength > MAX_RANDOM_BYTES) return host.refuse("random_get", ERRNO.inval);
      const memory = host.memory.current();
      if (!memory.holds(start, byteLength)) return ERRNO.fault;
      host.fillRandom(memory.bytes.subarray(start, start + byteLength));
      host.work(byteLength);
      return ERRNO.success;
    },
  };
}
