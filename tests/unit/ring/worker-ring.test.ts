/** The threads of a ring: how many there are at any moment. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { WorkerRing } from "../../../src/ring/worker-ring.ts";
import type { StartMessage } from "../../../src/ring/worker-slot.ts";
import { ModuleMetrics } from "../../../src/telemetry/metrics/module-metrics.ts";
import { guestPath } from "../../guests/guest-path.ts";
import { RecordedLog } from "../../support/recorded-log.ts";
import { jsonRecipe } from "../../support/prepare-stateless.ts";
import { slotSettings, TEST_LIMITS } from "../../support/slot-settings.ts";

/** Threads are started here, on a machine that may be busy. */
setDefaultTimeout(60_000);

test("sizes that change faster than threads end never make more threads than the largest", async () => {
  const moduleBytes = await Bun.file(guestPath("allow")).bytes();
  const { reportedFunctions: _ownThreadOnly, ...settings } = slotSettings();
  let started = 0;
  const startMessage = (slot: number): StartMessage => {
    started++;
    return {
      type: "start",
      slot,
      recipe: jsonRecipe(moduleBytes, TEST_LIMITS),
      settings,
      configJson: null,
      debugEnabled: false,
    };
  };
  const ring = new WorkerRing({
    size: 8,
    startMessage,
    timeoutMs: 1000,
    onCost: () => {},
    log: new RecordedLog(),
    metrics: new ModuleMetrics(),
  });
  for (let i = 0; i < 20; i++) {
    ring.resize(1);
    ring.resize(8);
  }
  expect(started).toBe(8);
  while (ring.readyCount < 8) await Bun.sleep(5);
  // The seven that were closed once have a successor each.
  expect(started).toBe(15);
  ring.close();
  await ring.ended;
});
