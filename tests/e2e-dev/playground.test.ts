/** What the playground's page is made of and what its calls answer, without a browser. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { V2Proxy } from "../support/fake-proxy.ts";
import { DevProcess } from "./dev-process.ts";
import { PlaygroundClient, requestBefore, requestForm } from "./playground-client.ts";
import { SampleProject } from "./sample-project.ts";

/** Each test starts processes, on a machine that may have other things to do. */
setDefaultTimeout(60_000);

let project: SampleProject;
let session: DevProcess;
let playground: PlaygroundClient;

beforeAll(async () => {
  project = await SampleProject.make();
  session = await DevProcess.start(project.options);
  playground = new PlaygroundClient(session.link);
});

afterAll(async () => {
  await session[Symbol.asyncDispose]();
  project[Symbol.dispose]();
});

describe("the page", () => {
  test("comes with all it needs, and names nothing of another place", async () => {
    const page = await playground.raw("/");
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    const html = await page.text();
    const paths = Array.from(html.matchAll(/\b(?:src|href)="([^"#]+)"/g), ([, path]) => path!);
    expect(paths.map((path) => path.slice(path.lastIndexOf("."))).toSorted()).toEqual([
      ".css",
      ".js",
      ".svg",
    ]);
    for (const path of paths) {
      const { origin, pathname } = new URL(path, playground.origin);
      expect(origin).toBe(playground.origin);
      const asset = await playground.raw(pathname);
      expect([path, asset.status]).toEqual([path, 200]);
      expect(asset.headers.get("content-type")).toMatch(/^(?:text\/css|text\/javascript|image\/svg\+xml)/);
      // The name of SVG is a URL, but no address to fetch from.
      expect((await asset.text()).replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:\/\//);
    }
  });

  test("may load and call nothing but its own server, and be framed by nobody", async () => {
    const { headers } = await playground.raw("/");
    const policy = headers.get("content-security-policy") ?? "";
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
    ]) {
      expect(policy.split("; ")).toContain(rule);
    }
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });

  test("holds no token: that comes with the link alone", async () => {
    const token = playground.authorization["authorization"]!.split(" ")[1]!;
    expect(token.length).toBeGreaterThanOrEqual(24);
    expect(await (await playground.raw("/")).text()).not.toContain(token);
  });

  test("is on loopback alone", () => {
    expect(new URL(session.link).hostname).toBe("127.0.0.1");
  });
});

describe("strangers are refused", () => {
  const calls = [
    ["POST", "/api/ask"],
    ["GET", "/api/stream"],
    ["GET", "/api/events/1"],
    ["POST", "/api/rebuild"],
  ] as const;
  const strangers: readonly [
    name: string,
    headers: (welcome: Readonly<Record<string, string>>) => Record<string, string>,
    status: number,
    code: string,
  ][] = [
    ["without a token", () => ({}), 401, "token-refused"],
    [
      "with another token",
      () => ({ authorization: "Bearer AAAAAAAAAAAAAAAAAAAAAAAA" }),
      401,
      "token-refused",
    ],
    [
      "of another origin",
      (welcome) => ({ ...welcome, origin: "https://evil.example" }),
      403,
      "origin-refused",
    ],
    ["of another port", (welcome) => ({ ...welcome, origin: "http://127.0.0.1:1" }), 403, "origin-refused"],
    ["of no origin", (welcome) => ({ ...welcome, origin: "null" }), 403, "origin-refused"],
    ["of another site", (welcome) => ({ ...welcome, "sec-fetch-site": "cross-site" }), 403, "origin-refused"],
    ["by another name", (welcome) => ({ ...welcome, host: "evil.example" }), 403, "host-refused"],
  ];
  for (const [name, headersOf, status, code] of strangers) {
    test(name, async () => {
      for (const [method, path] of calls) {
        const response = await playground.raw(path, { method, headers: headersOf(playground.authorization) });
        expect([path, response.status]).toEqual([path, status]);
        expect(await response.json()).toEqual({ code, message: expect.any(String) });
        expect(response.headers.get("access-control-allow-origin")).toBeNull();
      }
    });
  }

  test("even from the page, by another name or origin", async () => {
    for (const headers of [{ host: "rebound.example" }, { origin: "https://evil.example" }]) {
      expect((await playground.raw("/", { headers })).status).toBe(403);
    }
  });

  test("before a browser sends what it asks leave for", async () => {
    const { status, headers } = await playground.raw("/api/ask", {
      method: "OPTIONS",
      headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
    });
    expect([status, headers.get("access-control-allow-headers")]).toEqual([403, null]);
  });
});

describe("a request that is tried", () => {
  test("gets a verdict, the headers as a diff, what it cost, and what the module wrote", async () => {
    const headers = [["Host", "a.test"]] as const;
    expect(await playground.ask({ form: requestForm("/", headers) })).toMatchObject({
      decision: "allow",
      status: null,
      failure: null,
      requestHeaders: [
        { mark: "same", name: "host", value: "a.test" },
        { mark: "added", name: "X-Client-IP", value: "203.0.113.9" },
        { mark: "added", name: "X-Wasm-Processed", value: "true" },
      ],
      us: expect.any(Number),
      fuel: expect.any(Number),
      memoryBytes: expect.any(Number),
      log: [],
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  test("may be blocked", async () => {
    expect(await playground.ask({ form: requestForm("/admin") })).toMatchObject({
      decision: "block",
      status: 401,
      body: "Authentication required",
      tags: ["admin-blocked"],
    });
  });

  test("may be a response", async () => {
    const outcome = await playground.ask({
      form: { kind: "response-headers", request: null, status: 200, headers: [["server", "nginx"]] },
    });
    expect(outcome.responseHeaders[0]).toEqual({ mark: "removed", name: "server", value: "nginx" });
  });

  test("is the answer to the request before it when that is refused", async () => {
    const form = {
      kind: "response-headers",
      request: requestBefore("/admin"),
      status: 200,
      headers: [],
    } as const;
    expect(await playground.ask({ form })).toMatchObject({ kind: "request-headers", status: 401 });
    const allowed = { ...form, request: requestBefore("/") };
    expect(await playground.ask({ form: allowed })).toMatchObject({
      kind: "response-headers",
      decision: "allow",
    });
  });

  test("says so when the module has no handler for it", async () => {
    const form = {
      kind: "guardrail-inspect",
      request: null,
      inspectionType: "pii_detection",
      content: "x",
    } as const;
    expect(await playground.ask({ form })).toMatchObject({ decision: "allow", isCalled: false });
  });

  test("is not counted among the events of the socket", async () => {
    await using stream = await playground.openStream();
    await playground.ask({ form: requestForm("/never-on-the-socket") });
    await stream.until(({ messages }) => messages.some(({ type }) => type === "traffic"));
    expect(stream.rows.map(({ title }) => title)).not.toContain("GET /never-on-the-socket");
  });

  test("with a configuration is asked of a module that was configured so", async () => {
    expect((await playground.ask({ form: requestForm("/"), config: '{"a":1}' })).failure).toBeNull();
  });

  const wrong: readonly [name: string, body: unknown, status: number, code: string][] = [
    ["that is no form", { form: 1 }, 400, "form-invalid"],
    ["with a line break in a header", { form: requestForm("/", [["a", "b\r\nc: d"]]) }, 400, "form-invalid"],
    ["with a configuration that is not JSON", { form: requestForm("/"), config: "{" }, 400, "form-invalid"],
    ["of an event that is gone", { form: null, basedOn: 999_999 }, 404, "event-gone"],
  ];
  for (const [name, body, status, code] of wrong) {
    test(`${name} is refused`, async () => {
      const whole = { form: null, basedOn: null, config: "", ...(body as object) };
      const response = await playground.call("POST", "/api/ask", whole);
      expect([response.status, await response.json()]).toEqual([
        status,
        { code, message: expect.any(String) },
      ]);
    });
  }

  test("that is too large is refused", async () => {
    const body = { form: requestForm(`/${"a".repeat(600 * 1024)}`), basedOn: null, config: "" };
    expect((await playground.call("POST", "/api/ask", body)).status).toBe(413);
  });

  test("where there is nothing to ask is refused", async () => {
    expect((await playground.call("GET", "/api/nothing")).status).toBe(404);
    expect((await playground.raw("/../package.json")).status).toBe(404);
  });
});

describe("the history", () => {
  test("tells pages of events on the socket as they happen, and keeps them for replay", async () => {
    const proxy = await V2Proxy.connect(session.socketPath);
    await using stream = await playground.openStream();
    await stream.until(({ messages }) => messages.length > 0);
    expect(stream.messages[0]).toMatchObject({
      type: "snapshot",
      status: { phase: "serving", project: "my-policy", problem: null, module: { file: "policy.wasm" } },
    });
    await proxy.request({ id: "a", uri: "/admin/history", headers: { host: ["a.test"], "x-a": ["1", "2"] } });
    await proxy.response({ id: "a", status: 404 });
    await stream.until(({ rows }) => rows.some(({ title }) => title === "response 404"));
    const row = stream.rows.find(({ title }) => title === "GET /admin/history");
    expect(row).toMatchObject({
      kind: "request-headers",
      decision: "block",
      status: 401,
      failureCode: null,
      tags: ["admin-blocked"],
      us: expect.any(Number),
      isKept: true,
    });

    const { form, outcome } = await playground.event(row!.id);
    expect(form).toEqual({
      kind: "request-headers",
      method: "GET",
      uri: "/admin/history",
      clientIp: "203.0.113.9",
      headers: [
        ["host", "a.test"],
        ["x-a", "1"],
        ["x-a", "2"],
      ],
    });
    expect(outcome).toMatchObject({ decision: "block", status: 401, tags: ["admin-blocked"] });
    expect(await playground.ask({ basedOn: row!.id })).toMatchObject({ decision: "block", status: 401 });
  });

  test("counts decisions and latency by the second", async () => {
    const proxy = await V2Proxy.connect(session.socketPath);
    await using stream = await playground.openStream();
    await proxy.request({ id: "b" });
    await stream.until(({ messages }) =>
      messages.some(
        (message) => message.type === "traffic" && message.seconds.some(({ allow }) => allow > 0),
      ),
    );
    const traffic = stream.messages.find(
      (message) => message.type === "traffic" && message.seconds.length > 0,
    );
    expect(traffic).toMatchObject({
      seconds: expect.arrayContaining([
        {
          second: expect.any(Number),
          allow: expect.any(Number),
          block: expect.any(Number),
          redirect: 0,
          failed: 0,
          p50Us: expect.any(Number),
          p99Us: expect.any(Number),
        },
      ]),
    });
  });

  test("is replayed against the module of the moment, and says what changed", async () => {
    using own = await SampleProject.make();
    await using other = await DevProcess.start(own.options);
    const page = new PlaygroundClient(other.link);
    const proxy = await V2Proxy.connect(other.socketPath);
    await proxy.request({ id: "a", uri: "/admin" });
    await using stream = await page.openStream();
    await stream.until(({ rows }) => rows.length === 1);
    own.write("redirect-all");
    await stream.until(({ messages }) =>
      messages.some((message) => message.type === "status" && message.status.phase === "building"),
    );
    await other.said(/ → [0-9a-f]{8}/);
    const [row] = stream.rows;
    expect(await page.ask({ basedOn: row!.id })).toMatchObject({
      decision: "redirect",
      status: 307,
      location: "https://login.test/",
    });
    expect((await page.event(row!.id)).outcome).toMatchObject({ decision: "block", status: 401 });
  });
});

describe("a session with a problem", () => {
  test("shows pages what the compiler said, and goes on answering with the last good module", async () => {
    using own = await SampleProject.make();
    await using other = await DevProcess.start(own.options);
    const page = new PlaygroundClient(other.link);
    await using stream = await page.openStream();
    own.write("nonsense");
    await stream.until(({ messages }) =>
      messages.some((message) => message.type === "status" && message.status.phase === "failed"),
    );
    expect(stream.messages.at(-1)).toMatchObject({
      status: {
        module: { file: "policy.wasm" },
        problem: {
          stage: "build",
          title: "The build ended with exit code 1",
          text: expect.stringContaining("cannot find policy `nonsense`"),
        },
      },
    });
    expect(await page.ask({ form: requestForm("/admin") })).toMatchObject({ decision: "block" });
  });

  test("that never had a module says so to whoever asks", async () => {
    using own = await SampleProject.make();
    own.write("nonsense");
    await using other = DevProcess.launch(own.options);
    await other.said(/Nothing is served/);
    const response = await new PlaygroundClient(other.link).call("POST", "/api/ask", {
      form: requestForm("/"),
      basedOn: null,
      config: "",
    });
    expect([response.status, await response.json()]).toEqual([
      409,
      { code: "no-module", message: "no module could be loaded yet" },
    ]);
  });

  test("builds again when a page asks for it", async () => {
    using own = await SampleProject.make();
    await using other = await DevProcess.start(own.options);
    const response = await new PlaygroundClient(other.link).call("POST", "/api/rebuild");
    expect([response.status, await response.json()]).toMatchObject([
      200,
      { phase: "serving", problem: null },
    ]);
    await other.said(/ building +asked for in the playground\n/);
  });
});
