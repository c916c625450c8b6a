/** What the proxy configures reaches every instance, or none. */

import { expect } from "bun:test";
import { ALLOWED, BLOCKED, type ContractCase, exchange, failed } from "./contract-case.ts";

/** A policy of OPA sees `data` alone, and what is no object is refused for it. */
const BLOCK = { mode: "block", data: { mode: "block" } };
const REFUSE = { mode: "refuse", data: "refuse" };
const OTHER = { mode: "other", data: { mode: "other" } };

export const CONFIGURATION_CASES = {
  "a configuration reaches the guest": async ({ serve }) => {
    await using agent = await serve("configure", ["--pool-size", "2"]);
    const proxy = await agent.proxy();
    expect(await exchange(proxy, { id: "before" })).toMatchObject(ALLOWED);
    expect((await proxy.configure(BLOCK)).decision).toBe("allow");
    for (const id of ["a", "b", "c"]) expect(await exchange(proxy, { id })).toMatchObject(BLOCKED);
    expect((await proxy.configure(OTHER)).decision).toBe("allow");
    for (const id of ["d", "e", "f"]) expect(await exchange(proxy, { id })).toMatchObject(ALLOWED);
  },

  "a refused configuration is refused to the proxy and changes nothing": async ({ serve }) => {
    await using agent = await serve("configure", ["--pool-size", "2"]);
    const proxy = await agent.proxy();
    expect((await proxy.configure(BLOCK)).decision).toBe("allow");
    expect((await proxy.configure(REFUSE)).decision).toMatchObject({ block: {} });
    for (const id of ["a", "b", "c"]) expect(await exchange(proxy, { id })).toMatchObject(BLOCKED);
  },

  "an instance that is made later gets the configuration of the moment": async ({ serve }) => {
    await using agent = await serve("configure", ["--pool-size", "2"]);
    const proxy = await agent.proxy();
    expect((await proxy.configure(BLOCK)).decision).toBe("allow");
    for (let round = 0; round < 4; round++) {
      expect(await exchange(proxy, { id: `poison-${round}`, uri: "/boom" })).toMatchObject(
        failed("guest-trap"),
      );
      expect(await exchange(proxy, { id: `next-${round}` })).toMatchObject(BLOCKED);
    }
  },

  "a configuration holds across a reload": async ({ serve, guest }) => {
    await using agent = await serve("configure", ["--pool-size", "2"]);
    const proxy = await agent.proxy();
    expect((await proxy.configure(BLOCK)).decision).toBe("allow");
    await agent.reload(await guest("configure"));
    expect(await exchange(proxy)).toMatchObject(BLOCKED);
  },
} as const satisfies Readonly<Record<string, ContractCase>>;
