/** A guest that fails costs the event that it failed on, and nothing else. */

import { expect } from "bun:test";
import { ModuleError } from "../../src/wasm/module-error.ts";
import { ALLOWED, type ContractCase, exchange, expectOthers, failed, type Subject } from "./contract-case.ts";

/** Long enough for what others have to wait for meanwhile on a busy machine: the start of a thread. */
const DEADLINE = ["--timeout-ms", "500"];

export const FAILURE_CASES = {
  "a guest that never returns is stopped at the deadline, and others are served": async ({ serve }) => {
    await using agent = await serve("loop", [...DEADLINE, "--pool-size", "2"]);
    const [first, second] = [await agent.proxy(), await agent.proxy()];
    const poisoned = first.request({ id: "poison", uri: "/boom" });
    await expectOthers(second, 5);
    expect(await poisoned).toMatchObject(failed("guest-deadline"));
    await expectOthers(first, 5, "afterwards");
  },

  "a guest that traps is replaced for the next event": async ({ serve }) => {
    await using agent = await serve("trap", ["--pool-size", "2"]);
    const proxy = await agent.proxy();
    for (let round = 0; round < 5; round++) {
      expect(await exchange(proxy, { id: `poison-${round}`, uri: "/boom" })).toMatchObject(
        failed("guest-trap"),
      );
      await expectOthers(proxy, 2, `round-${round}`);
    }
  },

  "a guest gets no memory beyond the cap": async ({ serve }) => {
    await using capped = await serve("grow", ["--max-memory", "64MiB"]);
    expect(await exchange(await capped.proxy(), { uri: "/boom" })).toMatchObject(ALLOWED);
    // It is the cap that refused.
    await using roomy = await serve("grow", ["--max-memory", "512MiB"]);
    expect(await exchange(await roomy.proxy(), { uri: "/boom" })).toMatchObject(failed("guest-trap"));
  },

  "an answer that the ABI does not allow is a failure with a code": async ({ serve, badResultCode }) => {
    await using agent = await serve("bad-result");
    const proxy = await agent.proxy();
    expect(await exchange(proxy, { id: "bad", uri: "/boom" })).toMatchObject(failed(badResultCode));
    await expectOthers(proxy, 2);
  },

  "the deadline fails open when the operator says so": (subject) => expectOpen(subject, "loop", DEADLINE),

  "a trap fails open when the operator says so": (subject) => expectOpen(subject, "trap", []),

  "an answer that is not allowed fails open when the operator says so": (subject) =>
    expectOpen(subject, "bad-result", []),

  "each failure is logged with its code and its exchange": async ({ serve }) => {
    await using agent = await serve("trap", ["--pool-size", "2"]);
    const proxy = await agent.proxy();
    await exchange(proxy, { id: "poison", uri: "/boom" });
    expect(agent.log.lines.filter(({ level }) => level === "error")).toMatchObject([
      { fields: { code: "guest-trap", correlation_id: "poison", policy: "fail-closed" } },
    ]);
  },

  "a module that cannot start is refused before anything is served": async ({ serve }) => {
    const refusal: unknown = await serve("trap-at-start").catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ModuleError);
    expect((refusal as ModuleError).code).toBe("module-start-failed");
  },
} as const satisfies Readonly<Record<string, ContractCase>>;

async function expectOpen(
  { serve, badResultCode }: Subject,
  behaviour: "loop" | "trap" | "bad-result",
  flags: readonly string[],
): Promise<void> {
  const codes = { loop: "guest-deadline", trap: "guest-trap", "bad-result": badResultCode } as const;
  await using agent = await serve(behaviour, ["--fail-open", "--pool-size", "2", ...flags]);
  const proxy = await agent.proxy();
  expect(await exchange(proxy, { id: "poison", uri: "/boom" })).toMatchObject(
    failed(codes[behaviour], "open"),
  );
  await expectOthers(proxy, 2);
}
