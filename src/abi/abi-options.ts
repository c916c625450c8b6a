/**
 * What an operator may choose about the ABIs, as plain values: they are sent to worker threads with the module. An ABI
 * with options of its own adds an object here.
 */

import type { OpaOptions } from "./opa/opa-options.ts";

export const ABI_NAMES = ["json", "http-wasm", "proxy-wasm", "opa"] as const;

export type AbiName = (typeof ABI_NAMES)[number];

export interface AbiOptions {
  /** `auto` takes the first ABI that recognises the module. */
  readonly abi: AbiName | "auto";
  /** For the JSON ABI: header names like User-Agent instead of as the proxy sends them. */
  readonly canonicalHeaderCase: boolean;
  /** Absent: `DEFAULT_HTTP_WASM`. */
  readonly httpWasm?: HttpWasmOptions;
  /** For policies of OPA; absent for what they do without options. */
  readonly opa?: OpaOptions;
  /** Absent: verdicts that cannot be carried fail. */
  readonly proxyWasm?: ProxyWasmOptions;
}

/** What becomes of an event in which a guest asks for something that no answer can carry. */
export type OnUnsupported = "fail" | "warn";

export interface HttpWasmOptions {
  readonly onUnsupported: OnUnsupported;
  /** An instance serves many exchanges at a time, which is for guests that keep them apart by their own numbers. */
  readonly shareInstances: boolean;
  /** What guests read with `get_config` while no proxy has pushed anything, byte for byte; null for nothing. */
  readonly configuration: Uint8Array<ArrayBuffer> | null;
}

export const DEFAULT_HTTP_WASM: HttpWasmOptions = {
  onUnsupported: "fail",
  shareInstances: false,
  configuration: null,
};

export interface ProxyWasmOptions {
  readonly onUnsupported: OnUnsupported;
}
