/** Exchanges are kept apart, whatever their ids and their order. */

import { expect } from "bun:test";
import { ALLOWED, BLOCKED, type ContractCase, endExchange, exchange } from "./contract-case.ts";

/** Correlation ids are the client's choice (docs/agent-protocol.md 6.10). */
const HOSTILE_IDS = [
  "__proto__",
  "constructor",
  "",
  " ",
  'a"b\\c',
  "line\nbreak",
  "\u0000",
  "é😀",
  "x".repeat(256),
];

export const EXCHANGE_CASES = {
  "a response belongs to the request of its exchange, also when exchanges interleave": async ({ serve }) => {
    await using agent = await serve("remember", ["--pool-size", "4"]);
    const [first, second] = [await agent.proxy(), await agent.proxy()];
    const uris = { a: "/first", b: "/second?x=1", c: "/third" };
    for (const [id, uri] of Object.entries(uris)) {
      expect(await first.request({ id, uri })).toMatchObject({ decision: "allow", reasonCodes: [] });
    }
    for (const id of ["b", "c", "a"] as const) {
      expect((await endExchange(second, id)).responseHeaders).toEqual([`set x-uri: ${uris[id]}`]);
    }
  },

  "exchanges may be open at the same time and be answered in any order": async ({ serve }) => {
    await using agent = await serve("remember", ["--pool-size", "4"]);
    const proxies = [await agent.proxy(), await agent.proxy(), await agent.proxy()];
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        proxies.map(async (proxy, i) => {
          const id = `${round}-${i}`;
          await proxy.request({ id, uri: `/${id}` });
          const answer = await endExchange(proxies[(i + 1) % proxies.length]!, id);
          expect(answer.responseHeaders).toEqual([`set x-uri: /${id}`]);
        }),
      );
    }
  },

  "a newer request with the same id is the one that later events belong to": async ({ serve }) => {
    await using agent = await serve("remember", ["--pool-size", "4"]);
    const [first, second] = [await agent.proxy(), await agent.proxy()];
    await first.request({ id: "same", uri: "/old" });
    await second.request({ id: "same", uri: "/new" });
    expect((await endExchange(first, "same")).responseHeaders).toEqual(["set x-uri: /new"]);
  },

  "ids may be any text": async ({ serve }) => {
    await using agent = await serve("remember", ["--pool-size", "4"]);
    const proxy = await agent.proxy();
    for (const [i, id] of HOSTILE_IDS.entries()) {
      await proxy.request({ id, uri: `/${i}` });
      expect((await endExchange(proxy, id)).responseHeaders).toEqual([`set x-uri: /${i}`]);
    }
    expect(proxy.strays).toEqual([]);
  },

  "an exchange that had to make room costs itself and no other": async ({ serve }) => {
    await using agent = await serve("remember", ["--max-exchanges", "1"]);
    const proxy = await agent.proxy();
    await proxy.request({ id: "oldest", uri: "/oldest" });
    await proxy.request({ id: "newest", uri: "/newest" });
    // A guest that keeps state has none of it any more.
    const answer = await endExchange(proxy, "oldest");
    expect([[], ["exchange-unknown"]]).toContainEqual([...answer.reasonCodes]);
    expect(answer.responseHeaders).toEqual([]);
    expect((await endExchange(proxy, "newest")).responseHeaders).toEqual(["set x-uri: /newest"]);
  },

  "an event of an exchange that nobody began is answered": async ({ serve }) => {
    await using agent = await serve("remember");
    const proxy = await agent.proxy();
    const answer = await endExchange(proxy, "never-requested");
    expect([[], ["exchange-unknown"]]).toContainEqual([...answer.reasonCodes]);
    expect(answer.responseHeaders).toEqual([]);
    await exchange(proxy, { id: "next" });
  },

  "an instance serves many exchanges": async ({ serve }) => {
    await using agent = await serve("count", ["--pool-size", "1"]);
    const proxy = await agent.proxy();
    expect(await exchange(proxy, { id: "a" })).toMatchObject(ALLOWED);
    expect(await exchange(proxy, { id: "b" })).toMatchObject(BLOCKED);
    expect(await exchange(proxy, { id: "c" })).toMatchObject(BLOCKED);
  },

  "--isolation per-request gives each exchange an instance that nobody used before": async ({ serve }) => {
    await using agent = await serve("count", ["--pool-size", "2", "--isolation", "per-request"]);
    const proxy = await agent.proxy();
    for (const id of ["a", "b", "c", "d"]) expect(await exchange(proxy, { id })).toMatchObject(ALLOWED);
  },
} as const satisfies Readonly<Record<string, ContractCase>>;
