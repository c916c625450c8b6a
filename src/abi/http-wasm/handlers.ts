/** The two handlers that a guest exports, called without caring how their results cross the border. */

import type { InstanceExports } from "../../wasm/imports/import-host.ts";
import type { LoadedModule } from "../../wasm/load-module.ts";
import { suspendable } from "./packed-results.ts";

export const HANDLE_REQUEST = "handle_request" as const;
export const HANDLE_RESPONSE = "handle_response" as const;

export interface Handlers {
  readonly request: {
    run(): unknown;
    runSuspendable(): Promise<unknown>;
    /** The guest's own number, which `handle_response` gets, from what one of the others gave. */
    contextOf(raw: unknown): number;
    /** Whether the request goes on. To be asked at once: the next call may overwrite it. */
    isNext(raw: unknown): boolean;
  };
  readonly response: {
    run(context: number, isError: number): unknown;
    runSuspendable(context: number, isError: number): Promise<unknown>;
  };
}

export function findHandlers(loaded: LoadedModule, exports: InstanceExports): Handlers {
  const response = exports[HANDLE_RESPONSE] as (context: number, isError: number) => number;
  const suspendableResponse = suspendable(response);
  return {
    request: findRequestHandler(loaded, exports),
    response: { run: response, runSuspendable: suspendableResponse },
  };
}

/** Metering splits the i64 into two calls that return its halves. */
function findRequestHandler({ limited }: LoadedModule, exports: InstanceExports): Handlers["request"] {
  const high = limited?.splitExports.get(HANDLE_REQUEST);
  const low = limited?.splitLowExport;
  if (high === undefined || typeof low !== "string") {
    const whole = exports[HANDLE_REQUEST] as () => number;
    return {
      run: whole,
      runSuspendable: suspendable(whole),
      contextOf: (packed) => Number(BigInt.asIntN(32, (packed as bigint) >> 32n)),
      isNext: (packed) => BigInt.asUintN(32, packed as bigint) !== 0n,
    };
  }
  const highHalf = exports[high] as () => number;
  const lowHalf = exports[low] as () => number;
  return {
    run: highHalf,
    runSuspendable: suspendable(highHalf),
    contextOf: (high) => high as number,
    isNext: () => lowHalf() !== 0,
  };
}
