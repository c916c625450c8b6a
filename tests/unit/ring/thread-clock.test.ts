import { expect, test } from "bun:test";
import { ThreadClock } from "../../../src/ring/thread-clock.ts";

test("moments are translated by when the clocks began", () => {
  const clock = new ThreadClock(990);
  clock.suppose(1000);
  clock.observe(15, 1040);
  expect(clock.toOther(2000)).toBe(1000);
});

test("a wall clock that was set back counts no further than to when the thread was asked for", () => {
  const clock = new ThreadClock(990);
  clock.suppose(-5000);
  expect(clock.toOther(2000)).toBe(1010);
});

test("a wall clock that was set forward counts no further than messages allow, and the fastest allows least", () => {
  const clock = new ThreadClock(990);
  clock.suppose(7000);
  // The other clock began at 1000; messages take 8, 3 and 5.
  clock.observe(10, 1018);
  expect(clock.toOther(2000)).toBe(992);
  clock.observe(20, 1023);
  expect(clock.toOther(2000)).toBe(997);
  clock.observe(30, 1035);
  expect(clock.toOther(2000)).toBe(997);
});

test("a real thread's clock is hit within its messages' time", async () => {
  const source = "postMessage([performance.timeOrigin, performance.now()])";
  const clock = new ThreadClock(performance.now());
  const worker = new Worker(URL.createObjectURL(new Blob([source])));
  const { promise, resolve } = Promise.withResolvers<[number, number]>();
  worker.onmessage = ({ data }) => resolve(data);
  const [originMs, sentAtMs] = await promise;
  const nowMs = performance.now();
  clock.suppose(originMs - performance.timeOrigin);
  clock.observe(sentAtMs, nowMs);
  // It sent the message before now, and not before it was there.
  expect(clock.toOther(nowMs)).toBeGreaterThanOrEqual(sentAtMs);
  expect(clock.toOther(nowMs)).toBeLessThan(nowMs);
  worker.terminate();
});
