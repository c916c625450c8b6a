/**
 * What an operator may choose about the ABIs, as plain values: they are sent to worker threads with the module. An ABI
 * with options of its own adds an object here.
 */

import type { OpaOptions } from "./opa/opa-options.ts";

export const ABI_NAMES = ["json", "opa"] as const;

export type AbiName = (typeof ABI_NAMES)[number];

export interface AbiOptions {
  /** `auto` takes the first ABI that recognises the module. */
  readonly abi: AbiName | "auto";
  /** For the JSON ABI: header names like User-Agent instead of as the proxy sends them. */
  readonly canonicalHeaderCase: boolean;
  /** For policies of OPA; absent for what they do without options. */
  readonly opa?: OpaOptions;
}
