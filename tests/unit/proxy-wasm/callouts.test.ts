/** HTTP calls of filters: only where the operator lets them, and bounded in every way (docs/proxy-wasm.md 9). */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { CalloutTarget } from "../../../src/host/callouts.ts";
import { type Grants, makeGrantSettings, openGrants } from "../../../src/host/grants.ts";
import {
  openPlugin,
  opsOf,
  type Plugin,
  pluginPath,
  request,
  scripted,
  wordsOf,
} from "../../support/proxy-wasm-plugin.ts";

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

let server: ReturnType<typeof Bun.serve>;
const received: Received[] = [];

beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(incoming) {
      const url = new URL(incoming.url);
      received.push({
        method: incoming.method,
        url: url.pathname + url.search,
        headers: Object.fromEntries(incoming.headers),
        body: await incoming.text(),
      });
      switch (url.pathname) {
        case "/slow":
          await Bun.sleep(2000);
          return new Response("late");
        case "/large":
          return new Response("x".repeat(5 * 1024 * 1024));
        case "/redirect":
          return new Response(null, { status: 302, headers: { location: "http://elsewhere.invalid/" } });
        case "/check":
          return url.search.includes("denied")
            ? new Response("no", { status: 403 })
            : new Response("alice", { headers: { "x-list": "1" } });
        default:
          return new Response(`body of ${url.pathname}`, { headers: { "x-one": "1" } });
      }
    },
  });
});

afterAll(() => server.stop(true));

function granting(...upstreams: readonly string[]): Grants {
  const targets: CalloutTarget[] = upstreams.map((upstream) => ({ upstream, origin: server.url.origin }));
  return openGrants(makeGrantSettings(targets));
}

const HEADERS = (path: string, method = "GET") =>
  `[:method=${method},:path=${path},:authority=up.test,x-sent=1]`;
const REPORT = [
  "call_response get_header_map_value 6 ':status' &s",
  "call_response get_buffer_bytes 4 0 -1 &s",
  "call_response get_header_map_value 6 'x-one' &s",
];

async function called(
  call: string,
  grants: Grants,
): Promise<{ readonly plugin: Plugin; readonly lines: string[] }> {
  const plugin = await scripted([`request_headers ${call}`, ...REPORT], { grants });
  plugin.exchange().request();
  await plugin.untilLogged("call_response");
  await Bun.sleep(1);
  return { plugin, lines: plugin.takeLines() };
}

describe("a call", () => {
  test("reaches the upstream under its name, as the guest wrote it", async () => {
    received.length = 0;
    await called(`http_call 'up' ${HEADERS("/a?b=1", "POST")} 'sent' [] 1000 &`, granting("up"));
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({
      method: "POST",
      url: "/a?b=1",
      body: "sent",
      headers: { host: "up.test", "x-sent": "1" },
    });
  });

  test("brings status, headers and body to the guest", async () => {
    const { lines } = await called(`http_call 'up' ${HEADERS("/a")} '' [] 1000 &`, granting("up"));
    expect(lines).toEqual([
      "http_call = 0 1",
      "get_header_map_value = 0 '200'",
      "get_buffer_bytes = 0 'body of /a'",
      "get_header_map_value = 0 '1'",
    ]);
  });

  test("tells the root of its end, with the sizes", async () => {
    const plugin = await scripted([`request_headers http_call 'up' ${HEADERS("/a")} '' [] 1000 &`], {
      grants: granting("up"),
    });
    plugin.exchange().request();
    await plugin.untilLogged("call_response");
    const line = plugin.takeLines("debug").find((text) => text.startsWith("call_response"));
    expect(line).toMatch(/^call_response 1 1 \d+ 10 0$/);
  });

  test.each([
    ["that is too slow", "/slow", 30],
    ["with a response that is too large", "/large", 5000],
  ])("%s brings none of it", async (_what, path, timeoutMs) => {
    const plugin = await scripted(
      [`request_headers http_call 'up' ${HEADERS(path)} '' [] ${timeoutMs} &`, ...REPORT],
      { grants: granting("up") },
    );
    plugin.exchange().request();
    await plugin.untilLogged("call_response");
    expect(plugin.log.lines.map(({ fields }) => fields["text"])).toContain("call_response 1 1 0 0 0");
    expect(plugin.takeLines().slice(1)).toEqual([
      "get_header_map_value = 1 ''",
      "get_buffer_bytes = 1 ''",
      "get_header_map_value = 1 ''",
    ]);
  });

  test("to nobody brings nothing", async () => {
    const grants = openGrants(makeGrantSettings([{ upstream: "up", origin: "http://127.0.0.1:1" }]));
    const { lines } = await called(`http_call 'up' ${HEADERS("/")} '' [] 1000 &`, grants);
    expect(lines[1]).toBe("get_header_map_value = 1 ''");
  });

  test("that is redirected is not followed", async () => {
    received.length = 0;
    const { lines } = await called(`http_call 'up' ${HEADERS("/redirect")} '' [] 1000 &`, granting("up"));
    expect(lines[1]).toBe("get_header_map_value = 0 '302'");
    expect(received).toHaveLength(1);
  });
});

describe("a call that is refused", () => {
  test.each([
    ["to an upstream that nobody named", `'other' ${HEADERS("/")} '' []`],
    ["without a method", "'up' [:path=/,:authority=a] '' []"],
    ["without a path", "'up' [:method=GET,:authority=a] '' []"],
    ["without an authority", "'up' [:method=GET,:path=/] '' []"],
    ["to another host by an address as its path", `'up' ${HEADERS("http://evil.test/")} '' []`],
    ["with user information in its path", `'up' ${HEADERS("@evil.test/")} '' []`],
    ["with a method that is none", `'up' ${HEADERS("/", "GET /x")} '' []`],
    ["with a header that HTTP cannot carry", "'up' [:method=GET,:path=/,:authority=a,x=a\\nb] '' []"],
    ["with headers that are no map", "'up' '\\x01' '' []"],
  ])("%s is status 2, and nothing is sent", async (_what, call) => {
    received.length = 0;
    const plugin = await scripted([`request_headers http_call ${call} 1000 &`], { grants: granting("up") });
    plugin.exchange().request();
    await Bun.sleep(5);
    expect(received).toEqual([]);
    expect(plugin.takeLines()).toEqual(["http_call = 2 0"]);
    plugin.guest.close();
  });

  test("is not one whose path has two slashes: it reaches the upstream and nobody else", async () => {
    received.length = 0;
    await called(`http_call 'up' ${HEADERS("//evil.test/")} '' [] 1000 &`, granting("up"));
    expect(received).toHaveLength(1);
    expect(received[0]?.headers["host"]).toBe("up.test");
  });

  test("is named in the log with what would grant it, once", async () => {
    const plugin = await scripted([`request_headers http_call 'authz' ${HEADERS("/")} '' [] 100 &`]);
    plugin.exchange().request();
    plugin.exchange().request();
    expect(plugin.warnings()).toHaveLength(1);
    expect(plugin.warnings()[0]).toContain("--allow-callout");
    expect(plugin.log.lines.find(({ level }) => level === "warn")?.fields["upstream"]).toBe("authz");
  });

  test("because there are too many at the same time is status 10", async () => {
    const calls = Array.from(
      { length: 66 },
      () => `request_headers http_call 'up' ${HEADERS("/slow")} '' [] 1000 &`,
    );
    const plugin = await scripted(calls, { grants: granting("up") });
    plugin.exchange().request();
    const lines = plugin.takeLines();
    expect(lines[63]).toBe("http_call = 0 64");
    expect(lines.slice(64)).toEqual(Array(2).fill("http_call = 10 0"));
    plugin.guest.close();
  });
});

test("calls end with their instance", async () => {
  const grants = granting("up");
  const plugin = await scripted([`request_headers http_call 'up' ${HEADERS("/slow")} '' [] 1000 &`], {
    grants,
  });
  plugin.exchange().request();
  expect(grants.callouts.runningCount).toBe(1);
  plugin.guest.close();
  expect(grants.callouts.runningCount).toBe(0);
});

test("an answer that comes after the end of its stream is told to the root, and to nobody else", async () => {
  const plugin = await scripted(
    [`request_headers http_call 'up' ${HEADERS("/a")} '' [] 1000 &`, "call_response set_effective_context 3"],
    { grants: granting("up") },
  );
  const exchange = plugin.exchange();
  exchange.request();
  exchange.end();
  await plugin.untilLogged("set_effective_context");
  expect(plugin.takeLines()).toContain("set_effective_context = 2");
});

describe("a filter of the official SDK that asks for each request", () => {
  const open = async (grants: Grants) =>
    openPlugin(await Bun.file(pluginPath("authorize-rust")).bytes(), null, { grants });

  test("lets it pass with what it was told", async () => {
    const plugin = await open(granting("authz"));
    const outcome = plugin.exchange().call(request({}, "/allowed"));
    expect(outcome).toBeInstanceOf(Promise);
    expect(opsOf(await outcome)).toEqual(["set x-user: alice"]);
  });

  test("refuses it", async () => {
    const plugin = await open(granting("authz"));
    const outcome = await plugin.exchange().call(request({}, "/denied"));
    expect(wordsOf(outcome)).toBe("block 403 denied");
    expect(opsOf(outcome, "responseHeaders")).toEqual(["set x-denied-by: authz"]);
  });

  test("serves others while it waits", async () => {
    const plugin = await open(granting("authz"));
    const outcomes = Array.from({ length: 20 }, (_, i) =>
      plugin.exchange().call(request({}, i % 2 === 0 ? "/allowed" : "/denied")),
    );
    const words = (await Promise.all(outcomes)).map(wordsOf);
    expect(words.filter((word) => word === "allow")).toHaveLength(10);
    expect(words.filter((word) => word === "block 403 denied")).toHaveLength(10);
  });

  test("survives a refused call, and says so", async () => {
    const plugin = await open(openGrants(makeGrantSettings()));
    expect(wordsOf(plugin.exchange().request())).toBe("block 503 no authorization service");
    expect(plugin.guest.isBroken).toBe(false);
  });
});
