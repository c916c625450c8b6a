/** Filters that nobody here wrote do what their authors say, on the event loop's thread and on worker threads. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { makeGrantSettings, openGrants } from "../../src/host/grants.ts";
import { openPlugin } from "../support/proxy-wasm-plugin.ts";
import { ServingAgent } from "../support/serving-agent.ts";
import { buildExamples, type ExampleName, readExample } from "./go-examples.ts";

setDefaultTimeout(600_000);

const missing = buildExamples();
if (missing !== null) console.warn(`The Go examples are not tried: ${missing}.`);

const SMALL_POST = { method: "POST", headers: { host: ["a.test"], "content-length": ["4"] } } as const;

function textsOf(agent: ServingAgent): string[] {
  return agent.log.lines.map(({ fields }) => String(fields["text"] ?? ""));
}

async function untilLogged(agent: ServingAgent, text: string): Promise<void> {
  for (let i = 0; i < 3000; i++) {
    if (textsOf(agent).some((line) => line.includes(text))) return;
    await Bun.sleep(5);
  }
  const last = textsOf(agent).slice(-8).join(" | ");
  throw new Error(`nothing with ${JSON.stringify(text)} was logged; at last: ${last}`);
}

/** The hash by which the example http_auth_random decides: even passes. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

describe.skipIf(missing !== null).each(["inline", "workers"] as const)("Go examples (%s)", (dispatch) => {
  let upstream: ReturnType<typeof Bun.serve>;
  let answerOfUpstream = "";
  let callsOfUpstream = 0;

  beforeAll(() => {
    upstream = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => {
        callsOfUpstream++;
        return new Response(answerOfUpstream);
      },
    });
  });
  afterAll(() => upstream.stop(true));

  const serveWith = async (poolSize: number, name: ExampleName, flags: readonly string[]) =>
    ServingAgent.start(await readExample(name), [
      ...["--dispatch", dispatch, "--pool-size", String(poolSize)],
      ...["--timeout-ms", "10000", "--start-timeout-ms", "60000"],
      ...flags,
    ]);
  const serve = (name: ExampleName, ...flags: readonly string[]) => serveWith(2, name, flags);

  test("http_headers adds a header and logs those it sees", async () => {
    await using agent = await serve("http_headers");
    const proxy = await agent.proxy();
    const answer = await proxy.request({ headers: { host: ["a.test"], "x-sent": ["1"] } });
    expect(answer.requestHeaders).toEqual(["set test: best"]);
    await proxy.response();
    await untilLogged(agent, "response header <-- server: nginx");
    expect(textsOf(agent)).toContain("request header --> x-sent: 1");
    expect(textsOf(agent)).toContain("request header --> :authority: a.test");
  });

  test("http_body refuses a request without a length", async () => {
    await using agent = await serve("http_body");
    const { decision } = await (await agent.proxy()).request();
    expect(decision).toMatchObject({ block: { status: 400, body: "content must be provided" } });
  });

  test.each([
    [undefined, "[this is replaced body]"],
    ["append", "this[this is appended body]"],
    ["prepend", "[this is prepended body]this"],
  ])("http_body changes the body (%p)", async (operation, result) => {
    await using agent = await serve("http_body");
    const proxy = await agent.proxy();
    const headers: Record<string, readonly string[]> = {
      host: ["a.test"],
      "content-length": [String(result.length)],
    };
    if (operation !== undefined) headers["buffer-operation"] = [operation];
    await proxy.request({ method: "POST", headers });
    const answer = await proxy.requestBody({ bytes: "this", isStreamed: true });
    expect(answer).toMatchObject({ decision: "allow", requestBody: { data: result } });
  });

  test("http_body, configured so, replies with the body", async () => {
    await using agent = await serve("http_body");
    const proxy = await agent.proxy();
    await proxy.configure({ plugin_configuration: "echo" });
    await proxy.request(SMALL_POST);
    const { decision } = await proxy.requestBody({ bytes: "this", isStreamed: true });
    expect(decision).toMatchObject({ block: { status: 200, body: "this" } });
  });

  test("http_auth_random asks an upstream, and passes or refuses by its answer", async () => {
    await using agent = await serve("http_auth_random", "--allow-callout", `httpbin=${upstream.url.origin}`);
    const proxy = await agent.proxy();
    const answers = ["a", "b", "c", "d", "e", "f"];
    for (const [i, text] of answers.entries()) {
      answerOfUpstream = text;
      const { decision, responseHeaders } = await proxy.request({ id: `r${i}` });
      if (fnv1a(text) % 2 === 0) expect(decision).toBe("allow");
      else {
        expect(decision).toMatchObject({ block: { status: 403, body: "access forbidden" } });
        expect(responseHeaders).toEqual(["set powered-by: proxy-wasm-go-sdk!!"]);
      }
    }
    expect(new Set(answers.map((text) => fnv1a(text) % 2)).size).toBe(2);
  });

  test("http_auth_random passes requests when its call is refused", async () => {
    await using agent = await serve("http_auth_random");
    expect((await (await agent.proxy()).request()).decision).toBe("allow");
  });

  test("http_routing sends half of the requests to another host", async () => {
    await using agent = await serve("http_routing");
    const proxy = await agent.proxy();
    const hosts: string[] = [];
    for (let i = 0; i < 60; i++) {
      const { requestHeaders } = await proxy.request({ id: `r${i}` });
      hosts.push(requestHeaders.join());
    }
    expect([...new Set(hosts)].sort()).toEqual(["", "set host: a.test-canary"]);
  });

  test("shared_data counts all requests, whichever instance they come to", async () => {
    // Its start sets the counter back, so no instance may start later: a spare one would.
    await using agent = await serveWith(dispatch === "inline" ? 1 : 2, "shared_data", []);
    const proxy = await agent.proxy();
    for (let i = 0; i < 6; i++) {
      await proxy.request({ id: `r${i}` });
      await proxy.response({ id: `r${i}`, status: 204 });
    }
    await untilLogged(agent, "10000006");
    const values = textsOf(agent).filter((text) => text.startsWith("shared value"));
    expect(values).toEqual([1, 2, 3, 4, 5, 6].map((i) => `shared value: 1000000${i}`));
  });

  test("metrics counts all requests", async () => {
    await using agent = await serve("metrics");
    const proxy = await agent.proxy();
    for (let i = 0; i < 4; i++) {
      await proxy.request({ id: `r${i}` });
      await proxy.response({ id: `r${i}`, status: 204 });
    }
    await untilLogged(agent, "request_counter: 3");
    const values = textsOf(agent).filter((text) => text.startsWith("previous value"));
    expect(values.map((text) => text.split(": ").at(-1))).toEqual(["0", "1", "2", "3"]);
  });

  test("postpone_requests lets one request go on with each tick, with or without a body", async () => {
    await using agent = await serve("postpone_requests");
    const proxy = await agent.proxy();
    const answers = await Promise.all([
      proxy.request({ id: "a" }),
      proxy.request({ id: "b", ...SMALL_POST }),
    ]);
    expect(answers.map(({ decision }) => decision)).toEqual(["allow", "allow"]);
    expect(textsOf(agent).filter((text) => text.startsWith("resume"))).toHaveLength(2);
  });

  test("helloworld logs with each tick, and requests pass", async () => {
    await using agent = await serve("helloworld");
    const proxy = await agent.proxy();
    expect((await proxy.request()).decision).toBe("allow");
    await untilLogged(agent, "It's");
  });

  test("dispatch_call_on_tick serves no HTTP: requests pass, and its calls go on", async () => {
    callsOfUpstream = 0;
    await using agent = await serve(
      "dispatch_call_on_tick",
      "--allow-callout",
      `web_service=${upstream.url.origin}`,
    );
    const proxy = await agent.proxy();
    expect((await proxy.request()).decision).toBe("allow");
    expect((await proxy.response()).decision).toBe("allow");
    expect(agent.log.messages("warn").join()).toContain("serves no HTTP");
    while (callsOfUpstream < 3) await Bun.sleep(20);
    await untilLogged(agent, "called 2 for contextID");
  });

  test("foreign_call_on_tick serves no HTTP, and lives on without the function that it calls", async () => {
    await using agent = await serve("foreign_call_on_tick");
    expect((await (await agent.proxy()).request()).decision).toBe("allow");
    await untilLogged(agent, "foreign function");
  });

  test("vm_plugin_configuration reads both of its configurations", async () => {
    await using agent = await serve("vm_plugin_configuration");
    const proxy = await agent.proxy();
    await proxy.configure({ vm_configuration: "of the VM", plugin_configuration: "of the plugin" });
    await untilLogged(agent, "vm config: of the VM");
    await untilLogged(agent, "plugin config: of the plugin");
    expect((await proxy.request()).decision).toBe("allow");
  });

  test("network serves TCP alone: an HTTP request fails, and is told as a trap", async () => {
    await using agent = await serve("network");
    expect((await (await agent.proxy()).request()).reasonCodes).toEqual(["guest-trap"]);
  });

  test("shared_queue-receiver needs a configuration, and gets it from the proxy", async () => {
    await using agent = await serve("shared_queue/receiver");
    const proxy = await agent.proxy();
    expect((await proxy.request()).reasonCodes).toEqual(["guest-configuration-refused"]);
    expect((await proxy.configure({ plugin_configuration: "a_queue" })).decision).toBe("allow");
    await untilLogged(agent, 'queue "a_queue" registered as queueID=1');
  });
});

test.skipIf(missing !== null)(
  "shared_queue: what the sender puts there reaches the receiver, item by item",
  async () => {
    const grants = openGrants(makeGrantSettings());
    const open = async (name: ExampleName, config: object) =>
      openPlugin(await readExample(name), JSON.stringify(config), { grants, timeoutMs: 10_000 });
    const receiver = await open("shared_queue/receiver", {
      vm_id: "receiver",
      plugin_configuration: "http_request_headers",
    });
    const other = await open("shared_queue/receiver", {
      vm_id: "receiver",
      plugin_configuration: "http_response_headers",
    });
    const sender = await open("shared_queue/sender", { vm_id: "sender", plugin_configuration: "http" });
    const exchange = sender.exchange();
    exchange.request({ "x-one": ["1"] });
    exchange.response();
    await receiver.untilLogged("x-one");
    await other.untilLogged("server");
    expect(receiver.takeLines().filter((line) => line.includes("dequeued"))).toHaveLength(5);
    expect(other.takeLines().filter((line) => line.includes("dequeued"))).toHaveLength(2);
    for (const plugin of [receiver, other, sender]) plugin.guest.close();
  },
);
