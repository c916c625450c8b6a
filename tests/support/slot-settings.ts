/** What slots are run with in tests: patient, and without recycling, unless a test says otherwise. */

import { guestLimits } from "../../src/abi/guest-recipe.ts";
import type { SlotSettings } from "../../src/ring/slot-settings.ts";
import type { LimitOptions } from "../../src/wasm/metering/limited-module.ts";

/** The limits that guests of tests are loaded with. */
export const TEST_LIMITS: LimitOptions = guestLimits(64 * 1024 * 1024);

export function slotSettings(changes: Partial<SlotSettings> = {}): SlotSettings {
  return {
    timeoutMs: 1000,
    startTimeoutMs: 5000,
    recycleAfterCalls: 0,
    recycleMemoryBytes: 0,
    isFreshPerRequest: false,
    guestLogRate: 100,
    reportedFunctions: new Set(),
    ...changes,
  };
}
