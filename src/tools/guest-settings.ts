/** The settings of the author's commands that concern the module. */

import type { PolicySettings } from "../agent/policy-settings.ts";
import type { EventKind } from "../event/event.ts";

/** What the author's commands run a module with; the same settings a serving agent has, by the same options. */
export interface GuestSettings extends PolicySettings {
  readonly timeoutMs: number;
  readonly startTimeoutMs: number;
  readonly maxMemoryBytes: number;
  readonly limits: boolean;
  readonly headerCase: "preserve" | "canonical";
  /** What the proxy would send; null when nobody said. */
  readonly events: readonly EventKind[] | null;
}
