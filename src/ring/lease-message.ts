/** What a ring and its threads of stateful guests tell each other. Plain values only: all is copied between threads. */

import type { GuestRecipe } from "../abi/guest-recipe.ts";
import type { ProxyEvent } from "../event/event.ts";
import type { FailureCode } from "../event/failure.ts";
import type { Verdict } from "../event/verdict.ts";
import type { EndReason } from "../exchange/end-reason.ts";
import type { GrantSettings } from "../host/grants.ts";
import type { LogFields, LogLevel } from "../telemetry/log.ts";
import type { WorkerSettings } from "./worker-message.ts";

export type ToLeaseThread =
  | {
      readonly type: "start";
      readonly slot: number;
      readonly recipe: GuestRecipe;
      readonly settings: WorkerSettings;
      readonly size: number;
      readonly maxInstances: number;
      readonly configJson: string | null;
      readonly grants: GrantSettings;
      readonly debugEnabled: boolean;
      /** For `ModuleCounters`, in shared memory. */
      readonly counters: Float64Array;
    }
  | {
      readonly type: "event";
      readonly job: number;
      readonly lease: number;
      /** A new exchange, whose context is to be opened. */
      readonly isFirst: boolean;
      readonly event: ProxyEvent;
      /** When the event's time is up, on the thread's own clock. */
      readonly deadlineAtMs: number;
    }
  | { readonly type: "end"; readonly lease: number; readonly reason: EndReason }
  | { readonly type: "configure"; readonly configJson: string };

/** The first message to a thread, but for what the thread's owner adds. */
export type LeaseStartMessage = Omit<ToLeaseThread & { readonly type: "start" }, "counters">;

/** `sentAtMs`: on the thread's own clock, which began at `timeOriginMs` of the wall clock. */
export type FromLeaseThread =
  | { readonly type: "started"; readonly sentAtMs: number; readonly timeOriginMs: number }
  | { readonly type: "start-failed"; readonly reason: string }
  /** `verdict` null is the plain "allow". */
  | {
      readonly type: "answered";
      readonly sentAtMs: number;
      readonly job: number;
      readonly verdict: Verdict | null;
    }
  | {
      readonly type: "failed";
      readonly sentAtMs: number;
      readonly job: number;
      readonly code: FailureCode;
      readonly message: string;
      readonly details: Readonly<Record<string, string | number>>;
    }
  /** What a call cost its guest. */
  | { readonly type: "cost"; readonly fuelUnits: number }
  | {
      readonly type: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: LogFields | undefined;
    };
