/** The example policy in the agent as operators run it: token, body, data, responses. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { AgentProcess } from "../support/agent-process.ts";
import { bearerToken } from "../support/example-token.ts";
import { V1Proxy, V2Proxy } from "../support/fake-proxy.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

setDefaultTimeout(60_000);

const FOLDER = join(import.meta.dir, "../../examples/rego");
const MODULE = join(FOLDER, "policy.tar.gz");
const BODIES = ["--events", "request_headers,request_body,response_headers"];

const { settings } = (await Bun.file(join(FOLDER, "data.json")).json()) as {
  settings: { secret: string; public: string[]; max_quantity: number };
};

const token = (claims: object, secret = settings.secret): string => bearerToken(claims, secret);

const ALICE = token({ sub: "alice", aud: "shop" });

function order(authorization: string | null, items: readonly object[]) {
  const bytes = JSON.stringify({ items });
  const headers = {
    host: ["shop.example"],
    "content-type": ["application/json"],
    "content-length": [String(bytes.length)],
    ...(authorization === null ? {} : { authorization: [authorization] }),
  };
  return { request: { method: "POST", uri: "/orders", headers }, bytes };
}

/** The answer that decides: that to the body where the headers are let through. */
async function place(proxy: V2Proxy, id: string, { request, bytes }: ReturnType<typeof order>) {
  const atHeaders = await proxy.request({ id, ...request });
  return atHeaders.decision === "allow" ? proxy.requestBody({ id, bytes }) : atHeaders;
}

describe("the example policy", () => {
  test("over v2: lets the public read, customers order, and nobody order too much", async () => {
    await using agent = await AgentProcess.start({ module: MODULE, flags: BODIES });
    expect(await agent.line("ready")).toMatchObject({ abi: "opa" });
    const proxy = await V2Proxy.connect(agent.socketPath);
    const one = [{ id: 1, quantity: 1 }];
    expect((await proxy.request({ id: "a", uri: "/catalogue/7" })).decision).toBe("allow");
    expect(await proxy.request({ id: "b", uri: "/orders" })).toMatchObject({
      decision: { block: { status: 401, body: "Sign in first" } },
    });
    expect(await place(proxy, "c", order(null, one))).toMatchObject({ decision: { block: { status: 401 } } });
    expect(await place(proxy, "d", order(ALICE, one))).toMatchObject({
      decision: "allow",
      requestHeaders: ["set x-customer: alice", "remove authorization"],
    });
    expect(await place(proxy, "e", order(ALICE, [{ id: 1, quantity: 11 }]))).toMatchObject({
      decision: { block: { status: 422, body: "At most 10 of an item may be ordered at once" } },
    });
    expect(await place(proxy, "f", order(ALICE, []))).toMatchObject({ decision: { block: { status: 403 } } });
    expect(proxy.strays).toEqual([]);
  });

  test("over v2: refuses tokens that were not signed so, are over, or are for others", async () => {
    await using agent = await AgentProcess.start({ module: MODULE, flags: BODIES });
    const proxy = await V2Proxy.connect(agent.socketPath);
    const now = Math.floor(Date.now() / 1000);
    const refused = [
      token({ sub: "alice", aud: "shop" }, "another secret of at least 32 bytes"),
      token({ sub: "alice", aud: "shop", exp: now - 10 }),
      token({ sub: "alice", aud: "bank" }),
      `${ALICE}x`,
      "Bearer x.y.z",
      "Basic YTpi",
    ];
    for (const [i, authorization] of refused.entries()) {
      const answer = await place(proxy, `${i}`, order(authorization, [{ id: 1, quantity: 1 }]));
      expect(answer).toMatchObject({ decision: { block: { status: 401 } } });
    }
    const valid = token({ sub: "alice", aud: "shop", exp: now + 60 });
    expect(await place(proxy, "valid", order(valid, [{ id: 1, quantity: 1 }]))).toMatchObject({
      decision: "allow",
    });
  });

  test("over v2: a body that is no JSON is refused with 400", async () => {
    await using agent = await AgentProcess.start({ module: MODULE, flags: BODIES });
    const proxy = await V2Proxy.connect(agent.socketPath);
    const { request } = order(ALICE, []);
    await proxy.request({ id: "a", ...request });
    expect(await proxy.requestBody({ id: "a", bytes: '{"items":[}}' })).toMatchObject({
      decision: { block: { status: 400 } },
    });
  });

  test("over v1, which has no bodies: headers decide", async () => {
    await using agent = await AgentProcess.start({ module: MODULE });
    const proxy = await V1Proxy.connect(agent.socketPath);
    expect((await proxy.request({ uri: "/catalogue" })).decision).toBe("allow");
    expect((await proxy.request({ uri: "/orders" })).decision).toMatchObject({ block: { status: 401 } });
    proxy.wire.terminate();
  });

  test("responses are decided where a rule is named for them", async () => {
    const flags = [...BODIES, "--response-entrypoint", "envoy/authz/response"];
    await using agent = await AgentProcess.start({ module: MODULE, flags });
    const proxy = await V2Proxy.connect(agent.socketPath);
    await proxy.request({ id: "a", uri: "/catalogue" });
    expect((await proxy.response({ id: "a" })).responseHeaders).toEqual([]);
    expect(await place(proxy, "b", order(ALICE, [{ id: 1, quantity: 1 }]))).toMatchObject({
      decision: "allow",
    });
    expect((await proxy.response({ id: "b" })).responseHeaders).toEqual(["set cache-control: no-store"]);
  });
});

describe("data", () => {
  const data = (secret: string, open: string): string =>
    JSON.stringify({ settings: { ...settings, secret, public: [open] } });

  test("of a file is read again when it changes: old or new, and nothing in between", async () => {
    using folder = temporaryFolder();
    const path = folder.file("data.json");
    await Bun.write(path, data(settings.secret, "old"));
    const flags = ["--data", path, "--watch", "--pool-size", "2"];
    await using agent = await AgentProcess.start({ module: MODULE, flags });
    const proxy = await V2Proxy.connect(agent.socketPath);
    expect((await proxy.request({ uri: "/old" })).decision).toBe("allow");
    expect((await proxy.request({ uri: "/catalogue" })).decision).toMatchObject({ block: { status: 401 } });
    await Bun.write(path, data(settings.secret, "new"));
    const answers: string[] = [];
    for (let i = 0; answers.at(-1) !== "new" && i < 200_000; i++) {
      const [old, fresh] = await Promise.all([
        proxy.request({ id: `old-${i}`, uri: "/old" }),
        proxy.request({ id: `new-${i}`, uri: "/new" }),
      ]);
      // A swap between the two may let both or neither pass, once.
      answers.push(fresh.decision === "allow" ? "new" : old.decision === "allow" ? "old" : "between");
    }
    expect(answers.at(-1)).toBe("new");
    expect(answers.filter((answer) => answer === "between").length).toBeLessThan(2);
  });

  test("that cannot be read any more leaves the data of before in place", async () => {
    using folder = temporaryFolder();
    const path = folder.file("data.json");
    await Bun.write(path, data(settings.secret, "old"));
    await using agent = await AgentProcess.start({ module: MODULE, flags: ["--data", path] });
    const proxy = await V2Proxy.connect(agent.socketPath);
    await Bun.write(path, "{");
    agent.signal("SIGHUP");
    expect(await agent.line("the new module cannot be used; the one before goes on serving")).toMatchObject({
      code: "module-data",
    });
    expect((await proxy.request({ uri: "/old" })).decision).toBe("allow");
  });

  test("of the proxy's configuration replaces that of the bundle", async () => {
    await using agent = await AgentProcess.start({ module: MODULE });
    const proxy = await V2Proxy.connect(agent.socketPath);
    expect((await proxy.request({ id: "a", uri: "/about" })).decision).toMatchObject({
      block: { status: 401 },
    });
    const pushed = { data: { settings: { ...settings, public: ["about"] } } };
    expect((await proxy.configure(pushed)).decision).toBe("allow");
    expect((await proxy.request({ id: "b", uri: "/about" })).decision).toBe("allow");
    expect((await proxy.configure({ data: "none" })).decision).toMatchObject({ block: {} });
    expect((await proxy.request({ id: "c", uri: "/about" })).decision).toBe("allow");
  });

  test("missing or broken at the start ends the agent with a sentence", async () => {
    for (const [text, reason] of [
      [null, "there is no such file"],
      ["[]", "is no JSON object"],
    ] as const) {
      using folder = temporaryFolder();
      const path = folder.file("data.json");
      if (text !== null) await Bun.write(path, text);
      await using agent = AgentProcess.launch({ module: MODULE, flags: ["--data", path] });
      expect(await agent.exited).toBe(2);
      expect(agent.complaints.join("\n")).toContain(reason);
    }
  });
});
