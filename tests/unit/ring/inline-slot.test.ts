/** What a slot tells the budget for new instances. */

import { describe, expect, test } from "bun:test";
import type { StatelessFactory } from "../../../src/abi/contract.ts";
import { prepareStateless } from "../../support/prepare-stateless.ts";
import { InlineSlot } from "../../../src/ring/inline-slot.ts";
import { RefillBudget } from "../../../src/ring/refill-budget.ts";
import type { SlotSettings } from "../../../src/ring/slot-settings.ts";
import { ModuleCounters } from "../../../src/telemetry/metrics/module-metrics.ts";
import { ReadClock } from "../../../src/telemetry/metrics/read-clock.ts";
import { guestPath } from "../../guests/guest-path.ts";
import { sampleRequest } from "../../support/neutral-events.ts";
import { RecordedLog } from "../../support/recorded-log.ts";
import { slotSettings, TEST_LIMITS } from "../../support/slot-settings.ts";

/** Keeps account, and does what it does. */
class ObservedBudget extends RefillBudget {
  answered = 0;
  charged = 0;
  wanted = 0;

  override recordAnswered(events: number): void {
    this.answered += events;
    super.recordAnswered(events);
  }

  override recordMade(costMs: number, nowMs: number): void {
    this.charged++;
    super.recordMade(costMs, nowMs);
  }

  override recordWanted(costMs: number): void {
    this.wanted++;
    super.recordWanted(costMs);
  }
}

async function open(settings: Partial<SlotSettings> = {}, { madeInMs = 0 } = {}) {
  const { factory: quick } = await prepareStateless({
    moduleBytes: await Bun.file(guestPath("trap-on-marker")).bytes(),
    limits: TEST_LIMITS,
    abi: { abi: "json", canonicalHeaderCase: false },
  });
  const factory: StatelessFactory = {
    ...quick,
    instantiate: (host) => {
      Bun.sleepSync(madeInMs);
      return quick.instantiate(host);
    },
  };
  const budget = new ObservedBudget(performance.now());
  const counters = new ModuleCounters();
  const log = new RecordedLog();
  const slot = new InlineSlot({
    index: 0,
    factory,
    settings: slotSettings(settings),
    configJson: null,
    log,
    budget,
    counters,
    clock: new ReadClock(),
    onEmpty: () => {},
  });
  const ask = (uri: string): void => void slot.call(sampleRequest({ uri }), 1000, 0, null, 0);
  return { budget, slot, ask };
}

describe("an instance that breaks", () => {
  test("has paid in for each event that it answered, and its successor is charged", async () => {
    const { budget, ask } = await open();
    for (const uri of ["/", "/", "/", "/boom"]) ask(uri);
    expect(budget).toMatchObject({ answered: 3, charged: 0 });
    for (const uri of ["/", "/boom", "/boom", "/"]) ask(uri);
    expect(budget).toMatchObject({ answered: 4, charged: 3, wanted: 0 });
  });
});

test("an instance that takes all the time of its event to be made is kept for the next one", async () => {
  const { slot, budget } = await open({ timeoutMs: 5 }, { madeInMs: 20 });
  const call = (uri: string) => slot.call(sampleRequest({ uri }), 5, 0, null, 0);
  expect(call("/boom")).toMatchObject({ code: "guest-trap" });
  expect(call("/")).toMatchObject({ code: "guest-no-instance" });
  expect(call("/")).toMatchObject({ decision: { kind: "allow" } });
  expect(budget.charged).toBe(1);
});

describe("an instance that is replaced because the operator wants it", () => {
  test.each([
    ["after so many calls", { recycleAfterCalls: 2 }, 6, 2],
    ["after every request", { isFreshPerRequest: true }, 6, 5],
  ])("%s pays in as well, and its successor is not charged", async (_when, settings, answered, wanted) => {
    const { budget, ask } = await open(settings);
    for (let i = 0; i < 6; i++) ask("/");
    expect(budget).toMatchObject({ answered, charged: 0, wanted });
  });
});
