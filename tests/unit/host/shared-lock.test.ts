/** A lock between threads that a thread may be ended with. */

import { expect, test } from "bun:test";
import { SharedLock } from "../../../src/host/shared-lock.ts";

test("is taken and given back", () => {
  const lock = new SharedLock(new Int32Array(new SharedArrayBuffer(8)), 0);
  lock.release(lock.acquire());
  lock.release(lock.acquire());
});

test("that nobody gives back is taken away after a while, and then the late owner gives back nothing", () => {
  const words = new Int32Array(new SharedArrayBuffer(8));
  const [gone, next] = [new SharedLock(words, 0), new SharedLock(words, 0)];
  const lost = gone.acquire();
  const ticket = next.acquire();
  gone.release(lost);
  expect(words[0]).toBe(ticket);
  next.release(ticket);
  expect(words[0]).toBe(0);
});
