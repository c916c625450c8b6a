import { expect, test } from "bun:test";
import { Deadline } from "../../../src/wasm/deadline.ts";

const GRANTED = 0;

test("an armed deadline grants slices while there is time", () => {
  const deadline = new Deadline();
  deadline.arm(10_000);
  expect([deadline.check(), deadline.check(), deadline.check()]).toEqual([GRANTED, GRANTED, GRANTED]);
  expect(deadline.slices).toBe(3);
  expect(deadline.hasExpired).toBe(false);
});

test("once time is up, the guest is stopped, and stopped again however often it asks", () => {
  const deadline = new Deadline();
  deadline.arm(0);
  expect(deadline.check()).not.toBe(GRANTED);
  expect(deadline.check()).not.toBe(GRANTED);
  expect(deadline.hasExpired).toBe(true);
});

test("the time starts with the first slice, not with arming", async () => {
  const deadline = new Deadline();
  deadline.arm(1000);
  await Bun.sleep(2);
  expect(deadline.check()).toBe(GRANTED);
});

test("a call that has used few slices has the time of grace, too", () => {
  const deadline = new Deadline();
  deadline.arm(0, 10_000);
  expect([deadline.check(), deadline.check(), deadline.check()]).toEqual([GRANTED, GRANTED, GRANTED]);
  expect(deadline.hasExpired).toBe(false);
  expect(deadline.check()).not.toBe(GRANTED);
});

test("the time of grace ends, however few slices were used", async () => {
  const deadline = new Deadline();
  deadline.arm(0, 5);
  expect(deadline.check()).toBe(GRANTED);
  await Bun.sleep(6);
  expect(deadline.check()).not.toBe(GRANTED);
});

test("arming again forgets everything", () => {
  const deadline = new Deadline();
  deadline.arm(0);
  deadline.check();
  deadline.arm(5000);
  expect(deadline.hasExpired).toBe(false);
  expect(deadline.slices).toBe(0);
  expect(deadline.timeoutMs).toBe(5000);
  expect(deadline.check()).toBe(GRANTED);
});
