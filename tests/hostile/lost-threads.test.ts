/**
 * A guest that can be started for a while and then no more: once its threads have broken, nobody who stands in line for
 * them may wait for much longer than a call may take.
 */

import { expect, setDefaultTimeout, test } from "bun:test";
import { assembleWat } from "../guests/assemble-guest.ts";
import { guardedWat, POISON_PADDING } from "./guarded-guest.ts";
import { HostileAgent } from "./hostile-agent.ts";
import { TimedClient } from "./timed-client.ts";

/** A process is started here, on a machine that may be busy. */
setDefaultTimeout(60_000);

const STARTS_FOR_MS = 4000;
const TIMEOUT_MS = 1000;
/** Its handlers trap when the event is large; its start does what `then` says once the time has come. */
function startingUntil(unixMs: number, then: string): string {
  return guardedWat(`(import "wasi_snapshot_preview1" "clock_time_get"
  (func $clock_time_get (param i32 i64 i32) (result i32)))
(func (export "_initialize")
  (drop (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 1024)))
  (if (i64.gt_u (i64.load (i32.const 1024)) (i64.const ${unixMs * 1_000_000})) (then ${then})))
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (unreachable))`);
}

/** How long each of many waited who stood in line for the only thread when it broke for good. */
async function waitsOf(then: string): Promise<number[]> {
  const endAtMs = Date.now() + STARTS_FOR_MS;
  await using agent = await HostileAgent.start({
    module: await assembleWat("starting-until", startingUntil(endAtMs, then)),
    flags: ["--dispatch", "workers", "--pool-size", "1", "--timeout-ms", `${TIMEOUT_MS}`],
  });
  using client = await TimedClient.connect(agent.socketPath, 2);
  await Bun.sleep(Math.max(0, endAtMs + 100 - Date.now()));
  const line = () => Array.from({ length: 200 }, () => client.ask("request"));
  for (const { answer } of await Promise.all(line())) expect(answer.decision).toBe("allow");
  await Bun.sleep(300);
  const poison = client.ask("request", { padding: POISON_PADDING });
  return (await Promise.all([poison, ...line()])).map(({ ms }) => ms);
}

test("who waits for a thread that cannot make an instance any more is answered at once", async () => {
  expect(Math.max(...(await waitsOf("(unreachable)")))).toBeLessThan(TIMEOUT_MS);
});

test("who waits for a thread that is slow to make one is answered when the wait is over", async () => {
  // The wait itself, a second in which a thread may start, and half a second for a busy machine.
  expect(Math.max(...(await waitsOf("(loop $forever (br $forever))")))).toBeLessThan(TIMEOUT_MS + 1500);
});
