/** How much of its time an event has left when it comes to an instance of a stateful guest. */

import { expect, test } from "bun:test";
import type { StatefulGuest } from "../../../src/abi/contract.ts";
import type { EventFailure } from "../../../src/event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../../../src/event/verdict.ts";
import type { InstanceJob } from "../../../src/exchange/lease.ts";
import { CallMeter } from "../../../src/ring/call-meter.ts";
import { ModuleCounters } from "../../../src/telemetry/metrics/module-metrics.ts";
import { LeasedInstance } from "../../../src/ring/leased-instance.ts";
import { sampleRequest } from "../../support/neutral-events.ts";

const TIMEOUT_MS = 60_000;

function open() {
  const spentMs: number[] = [];
  const guest: StatefulGuest = {
    isBroken: false,
    isDueForRecycling: false,
    memoryBytes: 0,
    fuelUsed: null,
    configure: () => null,
    close: () => {},
    open: () => ({
      call: (_event, _timeoutMs, spent) => {
        spentMs.push(spent ?? 0);
        return PLAIN_ALLOW;
      },
      end: () => {},
    }),
  };
  const meter = new CallMeter(new ModuleCounters());
  const options = { index: 0, guest, timeoutMs: TIMEOUT_MS, meter, onCall: () => {}, onFree: () => {} };
  const instance = new LeasedInstance(options);
  const lease = instance.open();
  const run = (deadlineAtMs?: number): Verdict | EventFailure | null => {
    let outcome: Verdict | EventFailure | null = null;
    const settle = (settled: Verdict | EventFailure) => {
      outcome = settled;
    };
    const job: InstanceJob = { event: sampleRequest(), isCancelled: false, succeed: settle, fail: settle };
    lease.submit(deadlineAtMs === undefined ? job : { ...job, deadlineAtMs });
    return outcome;
  };
  return { instance, spentMs, run };
}

test("one that has just arrived has all of it", () => {
  const { spentMs, run } = open();
  run();
  run();
  expect(spentMs).toEqual([0, 0]);
});

test("one that comes from another thread has what is left until its deadline", () => {
  const { spentMs, run } = open();
  run(performance.now() + TIMEOUT_MS - 20_000);
  expect(spentMs[0]).toBeGreaterThanOrEqual(20_000);
  expect(spentMs[0]).toBeLessThan(30_000);
});

test("one that waited for the instance to be made has that much less, and the next one all", () => {
  const { instance, spentMs, run } = open();
  instance.awaitedMs = 500;
  run();
  run();
  expect(spentMs).toEqual([500, 0]);
});

test("one whose time is up is not begun, and the instance stays", () => {
  const { instance, spentMs, run } = open();
  instance.awaitedMs = TIMEOUT_MS;
  expect(run()).toMatchObject({ code: "guest-no-instance" });
  expect(run(performance.now() - 1)).toMatchObject({ code: "guest-no-instance" });
  expect(run()).toBe(PLAIN_ALLOW);
  expect(spentMs).toEqual([0]);
});
