/** Arguments and environment: none, which is a success, since start-up code ends the module on an error. */

import type { ImportFunctions } from "../import-functions.ts";
import type { ImportHost } from "../import-host.ts";
import { ERRNO } from "./errno.ts";

export function environmentFunctions(host: ImportHost): ImportFunctions {
  const answerNothing = (countPointer: number, sizePointer: number): number => {
    const memory = host.memory.current();
    const count = countPointer >>> 0;
    const size = sizePointer >>> 0;
    if (!memory.holds(count, 4) || !memory.holds(size, 4)) return ERRNO.fault;
    memory.data.setUint32(count, 0, true);
    memory.data.setUint32(size, 0, true);
    return ERRNO.success;
  };
  // There is nothing to write, so the pointers do not matter.
  const succeed = (): number => ERRNO.success;
  return {
    args_sizes_get: answerNothing,
    args_get: succeed,
    environ_sizes_get: answerNothing,
    environ_get: succeed,
  };
}
