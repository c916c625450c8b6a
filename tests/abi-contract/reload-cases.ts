/** Another module takes over between two events. */

import { expect } from "bun:test";
import { ModuleError } from "../../src/wasm/module-error.ts";
import { ALLOWED, BLOCKED, type ContractCase, endExchange, exchange } from "./contract-case.ts";

export const RELOAD_CASES = {
  "a reload puts another module in place": async ({ serve, guest }) => {
    await using agent = await serve("request-header");
    const proxy = await agent.proxy();
    expect(await exchange(proxy, { id: "before", uri: "/boom" })).toMatchObject(ALLOWED);
    await agent.reload(await guest("block"));
    expect(await exchange(proxy, { id: "after", uri: "/boom" })).toMatchObject(BLOCKED);
  },

  "a reload starts with fresh instances": async ({ serve, guest }) => {
    await using agent = await serve("count", ["--pool-size", "1"]);
    const proxy = await agent.proxy();
    expect(await exchange(proxy, { id: "a" })).toMatchObject(ALLOWED);
    expect(await exchange(proxy, { id: "b" })).toMatchObject(BLOCKED);
    await agent.reload(await guest("count"));
    expect(await exchange(proxy, { id: "c" })).toMatchObject(ALLOWED);
  },

  "a module that cannot be used is refused, and the one before serves on": async ({ serve, guest }) => {
    await using agent = await serve("block");
    const proxy = await agent.proxy();
    for (const module of [Buffer.from("not a module"), await guest("trap-at-start")]) {
      const refusal: unknown = await agent.reload(module).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(ModuleError);
      expect(await exchange(proxy, { uri: "/boom" })).toMatchObject(BLOCKED);
    }
  },

  "an exchange that began before a reload is answered": async ({ serve, guest }) => {
    await using agent = await serve("remember");
    const proxy = await agent.proxy();
    await proxy.request({ id: "old", uri: "/old" });
    await agent.reload(await guest("remember"));
    const answer = await endExchange(proxy, "old");
    // A guest that keeps state may have lost it with the module that it belonged to.
    expect([[], ["exchange-lost"]]).toContainEqual([...answer.reasonCodes]);
    expect(await exchange(proxy, { id: "new" })).toMatchObject({ decision: "allow", reasonCodes: [] });
  },
} as const satisfies Readonly<Record<string, ContractCase>>;
