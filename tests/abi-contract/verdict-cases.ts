/** A guest's verdicts reach the proxy. */

import { expect } from "bun:test";
import { EVENT_KINDS } from "../../src/event/event.ts";
import { ALLOWED, BLOCKED, type ContractCase, endExchange, exchange } from "./contract-case.ts";

/** Numbers of `supported_events` (docs/agent-protocol.md 3.3). */
const CONFIGURE = 8;
const RESPONSE_HEADERS = 3;

export const VERDICT_CASES = {
  "a guest allows and blocks": async ({ serve }) => {
    await using agent = await serve("block");
    const proxy = await agent.proxy();
    expect(await exchange(proxy, { id: "a" })).toMatchObject(ALLOWED);
    expect(await exchange(proxy, { id: "b", uri: "/boom" })).toMatchObject(BLOCKED);
    expect(await exchange(proxy, { id: "c", uri: "/c?boom=1" })).toMatchObject(BLOCKED);
    expect(await exchange(proxy, { id: "d", method: "POST" })).toMatchObject(ALLOWED);
    expect(proxy.strays).toEqual([]);
  },

  "a guest allows and blocks without limits, too": async ({ serve }) => {
    await using agent = await serve("block", ["--no-limits"]);
    const proxy = await agent.proxy();
    expect(await exchange(proxy, { id: "a" })).toMatchObject(ALLOWED);
    expect(await exchange(proxy, { id: "b", uri: "/boom" })).toMatchObject(BLOCKED);
  },

  "a guest sets a request header": async ({ serve }) => {
    await using agent = await serve("request-header");
    const answer = await exchange(await agent.proxy());
    expect(answer.requestHeaders.map(lowerCase)).toEqual(["set x-guest: seen"]);
  },

  "a guest sets a response header": async ({ serve }) => {
    await using agent = await serve("response-header");
    const proxy = await agent.proxy();
    expect(await proxy.request()).toMatchObject({ decision: "allow" });
    const answer = await endExchange(proxy);
    expect(answer).toMatchObject({ decision: "allow" });
    expect(answer.responseHeaders.map(lowerCase)).toEqual(["set x-guest: seen"]);
  },

  "a guest blocks by the request body": async ({ serve }) => {
    await using agent = await serve("block-body");
    const proxy = await agent.proxy();
    for (const [id, bytes, outcome] of [
      ["good", "a harmless body", ALLOWED],
      ["bad", "a body that goes boom", BLOCKED],
    ] as const) {
      const headers = { host: ["a.test"], "content-length": [String(bytes.length)] };
      expect(await proxy.request({ id, method: "POST", headers })).toMatchObject(ALLOWED);
      expect(await proxy.requestBody({ id, bytes })).toMatchObject(outcome);
      if (outcome === ALLOWED) expect(await endExchange(proxy, id)).toMatchObject(ALLOWED);
    }
  },

  "the handshake names the events that the guest handles": async ({ serve, blockHandles }) => {
    await using agent = await serve("block");
    const { capabilities } = JSON.parse((await agent.proxy()).handshakeResponse) as {
      readonly capabilities: { readonly supported_events: readonly number[] };
    };
    const numbers = [1, 2, 3, 4, 6, 7, 5];
    const handled = EVENT_KINDS.flatMap((kind, i) => (blockHandles.includes(kind) ? [numbers[i]!] : []));
    const expected = new Set([...handled, RESPONSE_HEADERS, CONFIGURE]);
    expect(capabilities.supported_events).toEqual([...expected].sort((a, b) => a - b));
  },
} as const satisfies Readonly<Record<string, ContractCase>>;

/** Names of headers are the same in any case. */
function lowerCase(op: string): string {
  return op.toLowerCase();
}
