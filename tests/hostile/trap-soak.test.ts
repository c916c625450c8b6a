/** A short run of tests/soak: what a guest that traps on every hundredth event leaves behind in the agent. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { CAN_SOAK, growthMib, soakWithTraps } from "../soak/trap-soak.ts";

/** Processes are started here, on a machine that may be busy. */
setDefaultTimeout(240_000);

const EVENTS = 200_000;
/** The long run looks for leaks; this one for what fills memory within seconds. */
const MAX_GROWTH_MIB = 64;

test.skipIf(!CAN_SOAK)(
  "200,000 events, 2,000 of them traps: all answered, memory does not grow",
  async () => {
    const { load, samples, goodRefused, poisonAllowed, exitCode } = await soakWithTraps({
      events: EVENTS,
      sampleEveryMs: 100,
    });
    expect(load.errors + load.wrongIds + load.unanswered).toBe(0);
    expect(load.poison?.events).toBeGreaterThanOrEqual(EVENTS / 100 - 1);
    expect(poisonAllowed).toBe(0);
    expect(goodRefused).toBe(0);
    expect(growthMib(samples)).toBeLessThan(MAX_GROWTH_MIB);
    expect(exitCode).toBe(0);
  },
);

test.skipIf(!CAN_SOAK).each([
  ["that every request gets for itself", ["--isolation", "per-request"]],
  ["that are replaced after every call", ["--recycle-after", "1"]],
])("instances %s are no reason to refuse the events between the traps", async (_whose, flags) => {
  const { load, goodRefused, poisonAllowed, exitCode } = await soakWithTraps({
    events: 100_000,
    sampleEveryMs: 100,
    flags,
  });
  expect(load.errors + load.wrongIds + load.unanswered).toBe(0);
  expect(poisonAllowed).toBe(0);
  expect(goodRefused).toBe(0);
  expect(exitCode).toBe(0);
});
