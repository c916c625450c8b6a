/** A guest of the OPA ABI, prepared and started as the agent does it, to call without a socket. */

import type { StatelessGuest } from "../../src/abi/contract.ts";
import { guestLimits, prepareGuest } from "../../src/abi/guest-recipe.ts";
import { DEFAULT_OPA_OPTIONS, type OpaOptions } from "../../src/abi/opa/opa-options.ts";
import type { ProxyEvent } from "../../src/event/event.ts";
import { EventFailure } from "../../src/event/failure.ts";
import type { Verdict } from "../../src/event/verdict.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { LineRate } from "../../src/wasm/imports/line-rate.ts";
import { silentLog } from "../support/silent-log.ts";

export interface OpenOptions {
  readonly opa?: Partial<OpaOptions>;
  readonly timeoutMs?: number;
  readonly startTimeoutMs?: number;
  readonly maxMemoryBytes?: number;
  readonly log?: Log;
}

export interface OpenOpaGuest {
  readonly instance: StatelessGuest;
  call(event: ProxyEvent): Verdict;
  /** `code: message` of the failure that the call ends with. */
  failureOf(event: ProxyEvent): string;
}

/** @throws ModuleError */
export async function openOpaGuest(
  file: Uint8Array<ArrayBuffer>,
  {
    opa = {},
    timeoutMs = 1000,
    startTimeoutMs = 5000,
    maxMemoryBytes = 64 * 1024 * 1024,
    log = silentLog(),
  }: OpenOptions = {},
): Promise<OpenOpaGuest> {
  const { factory } = await prepareGuest({
    moduleBytes: file,
    limits: guestLimits(maxMemoryBytes),
    abi: { abi: "auto", canonicalHeaderCase: false, opa: { ...DEFAULT_OPA_OPTIONS, ...opa } },
  });
  if (factory.isStateful || factory.abiName !== "opa") throw new Error(`not a policy: ${factory.abiName}`);
  const instance = factory.instantiate({
    slot: 0,
    log,
    startTimeoutMs,
    isMuted: false,
    lineRate: new LineRate(),
    reportedFunctions: new Set(),
  });
  return {
    instance,
    call: (event) => instance.call(event, timeoutMs),
    failureOf: (event) => {
      try {
        return `no failure but ${JSON.stringify(instance.call(event, timeoutMs).decision)}`;
      } catch (error) {
        if (error instanceof EventFailure) return `${error.code}: ${error.message}`;
        throw error;
      }
    },
  };
}
