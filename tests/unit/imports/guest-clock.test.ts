import { expect, test } from "bun:test";
import fc from "fast-check";
import { GuestClock } from "../../../src/wasm/imports/guest-clock.ts";

test("realtime fills in microseconds below the wall clock's milliseconds", () => {
  let wallMs = 1_000_000;
  let monotonicMs = 50;
  const clock = new GuestClock({ wallMs: () => wallMs, monotonicMs: () => monotonicMs });
  expect(clock.realtimeMicros()).toBe(1_000_000_000);
  monotonicMs += 0.25;
  expect(clock.realtimeMicros()).toBe(1_000_000_250);
  monotonicMs += 5;
  expect(clock.realtimeMicros()).toBe(1_000_000_999);
  wallMs += 1;
  monotonicMs += 0.1;
  expect(clock.realtimeMicros()).toBe(1_000_001_099);
});

test("realtime follows a wall clock that is set, and a machine that slept", () => {
  let wallMs = 1_000_000;
  const clock = new GuestClock({ wallMs: () => wallMs, monotonicMs: () => 50 });
  clock.realtimeMicros();
  wallMs += 3_600_000;
  expect(clock.realtimeMicros()).toBe(wallMs * 1000);
  wallMs -= 7_200_000;
  expect(clock.realtimeMicros()).toBe(wallMs * 1000 + 999);
});

test("realtime stays in the wall's millisecond and never goes back while the wall does not", () => {
  const steps = fc.array(fc.record({ wall: fc.nat({ max: 3 }), monotonic: fc.nat({ max: 4000 }) }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, (all) => {
      let wallMs = 1_795_341_234_567;
      let monotonicMs = 1234.5;
      const clock = new GuestClock({ wallMs: () => wallMs, monotonicMs: () => monotonicMs });
      let last = 0;
      for (const step of all) {
        wallMs += step.wall;
        monotonicMs += step.monotonic / 1000;
        const micros = clock.realtimeMicros();
        expect(micros).toBeGreaterThanOrEqual(last);
        expect(Math.floor(micros / 1000)).toBe(wallMs);
        last = micros;
      }
    }),
  );
});

test("the system's clocks count whole microseconds", () => {
  const clock = new GuestClock();
  expect(Number.isSafeInteger(clock.realtimeMicros())).toBe(true);
  const before = clock.monotonicMicros();
  expect(Number.isSafeInteger(before)).toBe(true);
  expect(clock.monotonicMicros()).toBeGreaterThanOrEqual(before);
});
