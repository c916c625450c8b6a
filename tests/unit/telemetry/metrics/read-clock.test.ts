import { expect, test } from "bun:test";
import { ReadClock } from "../../../../src/telemetry/metrics/read-clock.ts";

test("within a read everybody goes on from the last reading", async () => {
  const clock = new ReadClock();
  clock.beginRead();
  const { readAtMs } = clock;
  await Bun.sleep(2);
  expect(clock.latestMs).toBe(readAtMs);
  const later = clock.read();
  expect(later).toBeGreaterThan(readAtMs);
  expect(clock.latestMs).toBe(later);
  expect(clock.readAtMs).toBe(readAtMs);
});

test("outside of a read each look at the clock is a new one", async () => {
  const clock = new ReadClock();
  clock.beginRead();
  clock.endRead();
  const first = clock.latestMs;
  await Bun.sleep(2);
  expect(clock.latestMs).toBeGreaterThan(first);
});
