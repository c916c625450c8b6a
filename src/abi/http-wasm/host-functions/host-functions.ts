/** All imports of the module `http_handler`, made for one instance (https://http-wasm.io/http-handler-abi/). */

import type { ImportFunctions } from "../../../wasm/imports/import-functions.ts";
import type { ImportHost } from "../../../wasm/imports/import-host.ts";
import type { CallState } from "../call-state.ts";
import type { GuestBuffers } from "../guest-buffers.ts";
import { linkPackedResults } from "../packed-results.ts";
import { bodyFunctions, bodyReader } from "./body-functions.ts";
import { headerReaders, headerWriters } from "./header-functions.ts";
import { instanceFunctions } from "./instance-functions.ts";
import { requestFunctions } from "./request-functions.ts";

export const HOST_MODULE = "http_handler";

/**
 * @param packedResults from `compilePackedResults`
 * @param wait suspends the handler that runs
 */
export function hostFunctions(
  state: CallState,
  buffers: GuestBuffers,
  imports: ImportHost,
  packedResults: WebAssembly.Module,
  wait: () => Promise<void>,
): ImportFunctions {
  return {
    ...instanceFunctions(state, buffers, imports),
    ...requestFunctions(state, buffers),
    ...headerWriters(state, buffers),
    ...bodyFunctions(state, buffers),
    ...linkPackedResults(packedResults, {
      ...headerReaders(state, buffers),
      ...bodyReader(state, buffers),
      wait,
    }),
  };
}
