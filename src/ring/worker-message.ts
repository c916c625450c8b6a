/**
 * What a ring and its worker threads say to each other. Plain values only: everything here is copied between threads.
 */

import type { GuestRecipe } from "../abi/guest-recipe.ts";
import type { ProxyEvent } from "../event/event.ts";
import type { FailureCode } from "../event/failure.ts";
import type { Verdict } from "../event/verdict.ts";
import type { LogFields, LogLevel } from "../telemetry/log.ts";

/** SlotSettings without what cannot be shared. */
export interface WorkerSettings {
  readonly timeoutMs: number;
  readonly startTimeoutMs: number;
  readonly recycleAfterCalls: number;
  readonly recycleMemoryBytes: number;
  readonly isFreshPerRequest: boolean;
  readonly guestLogRate: number;
}

export type ToWorker =
  | {
      readonly type: "start";
      readonly slot: number;
      readonly recipe: GuestRecipe;
      readonly settings: WorkerSettings;
      readonly configJson: string | null;
      readonly debugEnabled: boolean;
      /** For a `PrefetchClaim`. */
      readonly prefetches: SharedArrayBuffer;
      /** For `ModuleCounters`, in shared memory. */
      readonly counters: Float64Array;
    }
  /** A `ticket` marks a prefetched job: the thread works on it only if it can claim it. */
  | {
      readonly type: "call";
      readonly event: ProxyEvent;
      /** When the event's time is up, on the thread's own clock. */
      readonly deadlineAtMs: number;
      readonly ticket?: number;
    }
  | { readonly type: "configure"; readonly configJson: string };

/** `sentAtMs`: on the thread's own clock, which began at `timeOriginMs` of the wall clock. */
export type FromWorker =
  | { readonly type: "started"; readonly sentAtMs: number; readonly timeOriginMs: number }
  | { readonly type: "start-failed"; readonly reason: string }
  /** `verdict` null is the plain "allow". */
  | {
      readonly type: "answered";
      readonly sentAtMs: number;
      readonly verdict: Verdict | null;
      readonly fuelUnits: number;
      readonly isHealthy: boolean;
    }
  | {
      readonly type: "failed";
      readonly sentAtMs: number;
      readonly code: FailureCode;
      readonly message: string;
      readonly details: Readonly<Record<string, string | number>>;
      readonly fuelUnits: number;
      /** False: the thread has no instance any more and says `refilled` when it has one again. */
      readonly isHealthy: boolean;
    }
  | { readonly type: "refilled" | "refill-failed" }
  | {
      readonly type: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: LogFields | undefined;
    };
