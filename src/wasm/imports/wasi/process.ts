/** The guest as a process: it may end itself, which ends its call, and it may yield, which does nothing. */

import { EventFailure } from "../../../event/failure.ts";
import type { ImportFunctions } from "../import-functions.ts";
import type { ImportHost } from "../import-host.ts";
import { ERRNO } from "./errno.ts";

export function processFunctions(host: ImportHost): ImportFunctions {
  return {
    // Returning would run into the `unreachable` that compilers put behind this call.
    proc_exit: (exitCode: number): never => host.end(guestExit(exitCode >>> 0)),
    proc_raise: () => host.refuse("proc_raise", ERRNO.nosys),
    sched_yield: () => ERRNO.success,
  };
}

/** The failure's detail `exit_code` holds the code: 0 is how a command's `_start` may end. */
export function guestExit(exitCode: number): EventFailure {
  return new EventFailure(
    "guest-exit",
    `the guest ended itself with exit code ${exitCode} instead of returning; what it wrote to its standard error may say why`,
    { details: { exit_code: exitCode } },
  );
}
