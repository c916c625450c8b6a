/** The example policy in Rego behind a real proxy: tokens, bodies, and headers that it sets. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { bearerToken } from "../support/example-token.ts";
import { describeEachProxy } from "./describe-each-proxy.ts";
import { sharedDeployment } from "./shared-deployment.ts";

const FOLDER = join(import.meta.dir, "../../examples/rego");

const { settings } = (await Bun.file(join(FOLDER, "data.json")).json()) as {
  readonly settings: { readonly secret: string };
};
const ALICE = bearerToken({ sub: "alice", aud: "shop" }, settings.secret);

const order = (quantity: number, authorization?: string) => ({
  method: "POST",
  headers: {
    "content-type": "application/json",
    // A proxy that refuses a request without reading its body closes the connection.
    connection: "close",
    ...(authorization === undefined ? {} : { authorization }),
  },
  body: JSON.stringify({ items: [{ id: 1, quantity }] }),
});

describeEachProxy("the example policy in Rego, by headers", (proxy) => {
  const deployment = sharedDeployment(proxy, async () => ({
    module: join(FOLDER, "policy.tar.gz"),
    isOpen: async (opened) => (await opened.request("/orders")).status === 401,
  }));

  test("anybody reads the catalogue", async () => {
    const answer = await deployment().request("/catalogue/7?page=2");
    expect(answer.echo).toMatchObject({ method: "GET", target: "/catalogue/7?page=2" });
  });

  test("what is not public needs a token", async () => {
    const answer = await deployment().request("/orders");
    expect(answer).toMatchObject({ status: 401, body: "Sign in first", echo: null });
    if (proxy.traits.honoursWholeAnswers) expect(answer.headers.get("www-authenticate")).toBe("Bearer");
  });

  test("a path that cannot be decoded is refused", async () => {
    expect((await deployment().request("/catalogue/%zz")).status).toBe(400);
  });
});

describeEachProxy("the example policy in Rego, by bodies", (proxy) => {
  // Older ones need a waf block for it (docs/agent-protocol.md 9.2).
  if (!proxy.traits.honoursWholeAnswers) return;
  const deployment = sharedDeployment(proxy, async () => ({
    module: join(FOLDER, "policy.tar.gz"),
    agentFlags: ["--events", "request_headers,request_body"],
    config: { events: ["request_headers", "request_body"] },
    isOpen: async (opened) => (await opened.request("/orders")).status === 401,
  }));

  test("a customer's order reaches the upstream", async () => {
    const answer = await deployment().request("/orders", order(2, ALICE));
    expect(answer.status).toBe(200);
    expect(answer.echo).toMatchObject({ method: "POST", target: "/orders" });
  });

  test("an order of too much is refused by its body", async () => {
    const answer = await deployment().request("/orders", order(11, ALICE));
    expect(answer).toMatchObject({
      status: 422,
      body: "At most 10 of an item may be ordered at once",
      echo: null,
    });
  });

  test("an order without a token is refused, and so is one with a token of somebody else", async () => {
    for (const authorization of [undefined, bearerToken({ sub: "alice", aud: "shop" }, "x".repeat(32))]) {
      expect((await deployment().request("/orders", order(1, authorization))).status).toBe(401);
    }
  });

  test("a body that is not what its type says is refused", async () => {
    const answer = await deployment().request("/orders", { ...order(1, ALICE), body: '{"items":[' });
    expect(answer.status).toBe(400);
  });
});
