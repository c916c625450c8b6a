import { describe, expect, test } from "bun:test";
import { Deadline } from "../../../src/wasm/deadline.ts";

const SLICE = 100_000;
const STOPPED = 0;

test("an armed deadline grants slices while there is time", () => {
  const deadline = new Deadline(SLICE);
  deadline.arm(10_000);
  expect([deadline.check(), deadline.check(), deadline.check()]).toEqual([SLICE, SLICE, SLICE]);
  expect(deadline.slices).toBe(3);
  expect(deadline.granted).toBe(3 * SLICE);
  expect(deadline.hasExpired).toBe(false);
});

test("once time is up, the guest is stopped, and stopped again however often it asks", () => {
  const deadline = new Deadline(SLICE);
  deadline.arm(0);
  expect(deadline.check()).toBe(STOPPED);
  expect(deadline.check()).toBe(STOPPED);
  expect(deadline.hasExpired).toBe(true);
});

test("the time starts with arming", async () => {
  const deadline = new Deadline(SLICE);
  deadline.arm(1);
  await Bun.sleep(2);
  expect(deadline.check()).toBe(STOPPED);
});

test("a time that may be missed starts with the first slice", async () => {
  const deadline = new Deadline(SLICE);
  deadline.arm(1, 2);
  await Bun.sleep(3);
  expect(deadline.check()).toBe(SLICE);
  await Bun.sleep(3);
  expect(deadline.check()).toBe(STOPPED);
});

test("time that was spent before the call counts, but not against a time that may be missed", () => {
  const deadline = new Deadline(SLICE);
  deadline.arm(1000, 0, 1000);
  expect(deadline.check()).toBe(STOPPED);
  expect(deadline.elapsedMs).toBeGreaterThanOrEqual(1000);
  deadline.arm(1000, 2000, 5000);
  expect(deadline.check()).toBe(SLICE);
  expect(deadline.elapsedMs).toBe(0);
});

test("how much of the event's time is gone when a call is stopped counts what was spent before", () => {
  const deadline = new Deadline(SLICE);
  deadline.arm(0, 10_000, 5000);
  for (let i = 0; i < 3; i++) deadline.check();
  expect(deadline.check()).toBe(STOPPED);
  expect(deadline.elapsedMs).toBeGreaterThanOrEqual(5000);
  expect(deadline.elapsedMs).toBeLessThan(10_000);
});

test("near the deadline slices get shorter, down to a shortest", async () => {
  const deadline = new Deadline(SLICE);
  deadline.arm(50);
  const first = deadline.check();
  expect(first).toBeGreaterThan(STOPPED);
  expect(first).toBeLessThanOrEqual(50_000);
  await Bun.sleep(10);
  const later = deadline.check();
  expect(later).toBeGreaterThan(STOPPED);
  expect(later).toBeLessThanOrEqual(40_000);
  const last = new Set<number>();
  for (let i = 0; i < 20; i++) {
    deadline.arm(2);
    last.add(deadline.check());
  }
  last.delete(STOPPED); // by a machine that was busy for two milliseconds
  expect([...last]).toEqual([2500]);
});

test("a slice is never longer than a whole one, and a time that may be missed has whole ones to the end", () => {
  const small = new Deadline(10);
  small.arm(1000);
  expect(small.check()).toBe(10);
  const deadline = new Deadline(SLICE);
  deadline.arm(2, 10);
  expect(deadline.check()).toBe(SLICE);
});

test("a call that has used few slices has the time of grace, too", () => {
  const deadline = new Deadline(SLICE);
  deadline.arm(0, 10_000);
  expect([deadline.check(), deadline.check(), deadline.check()]).toEqual([SLICE, SLICE, SLICE]);
  expect(deadline.hasExpired).toBe(false);
  expect(deadline.check()).toBe(STOPPED);
});

test("the time of grace ends, however few slices were used", async () => {
  const deadline = new Deadline(SLICE);
  deadline.arm(0, 5);
  expect(deadline.check()).toBe(SLICE);
  await Bun.sleep(6);
  expect(deadline.check()).toBe(STOPPED);
});

describe("a call that has met no check", () => {
  test("can be asked how long it took", async () => {
    const deadline = new Deadline(SLICE);
    deadline.arm(1);
    await Bun.sleep(4);
    expect(deadline.readElapsedMs()).toBeGreaterThan(1);
    expect(deadline.hasExpired).toBe(false);
    deadline.arm(1_000_000);
    expect(deadline.readElapsedMs()).toBeLessThan(1_000_000);
  });

  test("is not late by a time that may be missed, and never without limits", async () => {
    const brief = new Deadline(SLICE);
    brief.arm(1, 2);
    brief.check();
    const unlimited = new Deadline(Number.POSITIVE_INFINITY);
    unlimited.arm(1);
    await Bun.sleep(4);
    expect([brief.readElapsedMs(), unlimited.readElapsedMs()]).toEqual([0, 0]);
  });
});

test("arming again forgets everything", () => {
  const deadline = new Deadline(SLICE);
  deadline.arm(0, 10_000);
  deadline.check();
  deadline.arm(0);
  deadline.check();
  deadline.arm(5000);
  expect(deadline.hasExpired).toBe(false);
  expect(deadline.granted).toBe(0);
  expect(deadline.timeoutMs).toBe(5000);
  expect(deadline.check()).toBe(SLICE);
});
