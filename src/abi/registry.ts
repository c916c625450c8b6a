/** The ABIs this agent speaks, one line each. */

import type { Abi } from "./contract.ts";
import { httpWasmAbi } from "./http-wasm/http-wasm-abi.ts";
import { jsonAbi } from "./json/json-abi.ts";
import { opaAbi } from "./opa/opa-abi.ts";
import { proxyWasmAbi } from "./proxy-wasm/proxy-wasm-abi.ts";

/** The first that recognises a module gets it; a module that none recognises is told what the JSON ABI needs. */
export const ABIS: readonly Abi[] = [jsonAbi, httpWasmAbi, proxyWasmAbi, opaAbi];

export const DEFAULT_ABI: Abi = jsonAbi;
