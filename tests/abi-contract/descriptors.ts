/** The ABIs of the contract suite, one line each. */

import type { AbiDescriptor } from "./descriptor.ts";
import { HTTP_WASM } from "./http-wasm.ts";
import { JSON_ABI } from "./json.ts";
import { OPA } from "./opa.ts";
import { PROXY_WASM } from "./proxy-wasm.ts";

export const DESCRIPTORS: readonly AbiDescriptor[] = [JSON_ABI, HTTP_WASM, OPA, PROXY_WASM];
