/** All functions of WASI preview 1 for one instance. Its forerunner wasi_unstable differs, for us, in poll_oneoff only. */

import type { ImportFunctions } from "../import-functions.ts";
import type { ImportHost } from "../import-host.ts";
import { clockFunctions } from "./clock.ts";
import { descriptorFunctions } from "./descriptors.ts";
import { environmentFunctions } from "./environment.ts";
import { pathFunctions } from "./paths.ts";
import { pollFunctions, SUBSCRIPTION_BYTES } from "./poll.ts";
import { processFunctions } from "./process.ts";
import { randomFunctions } from "./random.ts";
import { socketFunctions } from "./sockets.ts";

export type WasiModule = keyof typeof SUBSCRIPTION_BYTES;

export function isWasiModule(module: string): module is WasiModule {
  return Object.hasOwn(SUBSCRIPTION_BYTES, module);
}

export function wasiFunctions(host: ImportHost, module: WasiModule): ImportFunctions {
  return {
    ...environmentFunctions(host),
    ...clockFunctions(host),
    ...randomFunctions(host),
    ...descriptorFunctions(host),
    ...pathFunctions(host),
    ...pollFunctions(host, SUBSCRIPTION_BYTES[module]),
    ...processFunctions(host),
    ...socketFunctions(host),
  };
}
