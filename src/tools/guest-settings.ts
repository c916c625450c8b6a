/** The settings of the author's commands that concern the module. */

import type { RecipeSettings } from "../abi/guest-recipe.ts";
import type { PolicySettings } from "../agent/policy-settings.ts";
import type { EventKind } from "../event/event.ts";
import type { CalloutTarget } from "../host/callouts.ts";

/** What the author's commands run a module with; the same settings a serving agent has, by the same options. */
export interface GuestSettings extends RecipeSettings, PolicySettings {
  readonly timeoutMs: number;
  readonly startTimeoutMs: number;
  /** What the proxy would send; null when nobody said. */
  readonly events: readonly EventKind[] | null;
  readonly allowCallouts: readonly CalloutTarget[];
}
