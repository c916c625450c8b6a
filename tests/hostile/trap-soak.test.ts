/** A short run of tests/soak: what a guest that traps on every hundredth event leaves behind in the agent. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { CAN_SOAK, growthMib, soakWithTraps } from "../soak/trap-soak.ts";

/** Processes are started here, on a machine that may be busy. */
setDefaultTimeout(60_000);

const EVENTS = 200_000;
/** The long run looks for leaks; this one for what fills memory within seconds. */
const MAX_GROWTH_MIB = 64;
/** On a machine that is busy otherwise, the budget for new instances may run out now and then. */
const MOST_REFUSED = EVENTS / 20;

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
    expect(goodRefused).toBeLessThan(MOST_REFUSED);
    expect(growthMib(samples)).toBeLessThan(MAX_GROWTH_MIB);
    expect(exitCode).toBe(0);
  },
);
