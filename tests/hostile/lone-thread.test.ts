/** A pool of one in a thread of its own: what happens to the others while that thread replaces its instance. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { assembleWat } from "../guests/assemble-guest.ts";
import { V2Proxy } from "../support/fake-proxy.ts";
import { costlyStart } from "../support/costly-start.ts";
import { guardedWat, POISON_PADDING } from "./guarded-guest.ts";
import { HostileAgent } from "./hostile-agent.ts";

/** A process is started here, on a machine that may be busy. */
setDefaultTimeout(60_000);

const TIMEOUT_MS = 1000;
const ROUNDS = 3;

/** Never returns when the event is large. Its start takes some thirty milliseconds, in which there is no instance. */
const ENDLESS =
  guardedWat(`${costlyStart(5_000_000)}(func $handle (param $pointer i32) (param $length i32) (result i64)
  (loop $forever (br $forever))
  (unreachable))`);

test("an endless call that comes while the only thread has no instance holds up no other connection", async () => {
  await using agent = await HostileAgent.start({
    module: await assembleWat("endless", ENDLESS),
    flags: ["--dispatch", "workers", "--pool-size", "1", "--timeout-ms", `${TIMEOUT_MS}`],
  });
  const hostile = await V2Proxy.connect(agent.socketPath);
  const other = await V2Proxy.connect(agent.socketPath);
  await Bun.sleep(TIMEOUT_MS);
  const headers = { "x-padding": ["p".repeat(POISON_PADDING)] };
  const waits: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await hostile.request({ id: `first-${round}`, headers });
    const second = hostile.request({ id: `second-${round}`, headers });
    await Bun.sleep(1);
    const askedAtMs = performance.now();
    await other.ping("still there?");
    waits.push(performance.now() - askedAtMs);
    await second;
  }
  expect(Math.max(...waits)).toBeLessThan(TIMEOUT_MS / 2);
  hostile.wire.terminate();
  other.wire.terminate();
});
