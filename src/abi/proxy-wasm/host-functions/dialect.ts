/**
 * What modules import beside Proxy-Wasm itself: functions of the dialect 0.2.100, of vendors, and of C++ toolchains. All
 * are answered with a status that their SDKs take as an ordinary "no".
 */

import type { ImportFunctions } from "../../../wasm/imports/import-functions.ts";
import { Status } from "../abi-numbers.ts";
import type { PluginState } from "../plugin-state.ts";

/** Of 0.2.100: its SDK knows "unimplemented". */
const UNIMPLEMENTED: readonly string[] = [
  "proxy_redis_init",
  "proxy_redis_call",
  "proxy_inject_encoded_data_to_filter_chain",
  "proxy_get_upstream_hosts",
  "proxy_set_upstream_override_host",
];

/** Of vendors: there is nothing under any name. */
const NOT_FOUND: readonly string[] = [
  "proxy_dictionary_get",
  "proxy_get_secret",
  "proxy_kv_store_open",
  "proxy_kv_store_get",
  "proxy_kv_store_scan",
  "proxy_kv_store_zrange_by_score",
  "proxy_kv_store_zscan",
  "proxy_kv_store_bf_exists",
];

export function dialectFunctions(state: PluginState): ImportFunctions {
  const answer = (name: string, status: number): [string, () => number] => [
    name,
    () => {
      state.assertCallback(name);
      return status;
    },
  ];
  return {
    ...Object.fromEntries(UNIMPLEMENTED.map((name) => answer(name, Status.unimplemented))),
    ...Object.fromEntries(NOT_FOUND.map((name) => answer(name, Status.notFound))),
    /** No function of the host has a name here. */
    proxy_call_foreign_function(namePointer: number, nameSize: number): number {
      state.assertCallback("proxy_call_foreign_function");
      return state.memory.holds(namePointer >>> 0, nameSize >>> 0)
        ? Status.notFound
        : Status.invalidMemoryAccess;
    },
    pthread_equal: (a: number, b: number): number => (a === b ? 1 : 0),
    emscripten_notify_memory_growth: (): void => {},
  };
}

/** For an import that nobody knows: the module loads, and is told of an error if it ever calls it. */
export function unknownFunction(state: PluginState, name: string): () => number {
  return () => {
    state.warnOnce(
      `unknown ${name}`,
      "the module called a host function that this agent does not know; it was told of a failure",
      { function: name },
    );
    return Status.internalFailure;
  };
}
