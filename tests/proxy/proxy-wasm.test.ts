/** Filters written for Envoy behind a real proxy: headers, bodies, replies, call-outs and pauses. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { pluginPath } from "../support/proxy-wasm-plugin.ts";
import { Deployment } from "./deployment.ts";
import { describeEachProxy } from "./describe-each-proxy.ts";
import { sharedDeployment } from "./shared-deployment.ts";

describeEachProxy("a Proxy-Wasm filter of headers", (proxy) => {
  const deployment = sharedDeployment(proxy, async () => ({ module: pluginPath("add-header-rust") }));

  test("adds one to each request", async () => {
    expect((await deployment().request("/page")).echo?.headers).toMatchObject({ "x-filter": "proxy-wasm" });
  });

  test("serves many clients at a time", async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) => deployment().request(`/page/${i}`)),
    );
    for (const [i, { echo }] of answers.entries()) {
      expect(echo).toMatchObject({ target: `/page/${i}`, headers: { "x-filter": "proxy-wasm" } });
    }
  });
});

describeEachProxy("a Proxy-Wasm filter that asks another service, and waits for its answer,", (proxy) => {
  let service: Bun.Server<undefined>;
  const asked: string[] = [];

  beforeAll(() => {
    service = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch(request) {
        const path = new URL(request.url).searchParams.get("path") ?? "";
        asked.push(path);
        if (path === "/slow") await Bun.sleep(100);
        if (path === "/silent") await Bun.sleep(1500);
        return path === "/denied" ? new Response("no", { status: 401 }) : new Response("alice");
      },
    });
  });
  afterAll(() => service.stop(true));

  describe("with a grant", () => {
    const deployment = sharedDeployment(proxy, async () => ({
      module: pluginPath("authorize-rust"),
      agentFlags: [
        "--allow-callout",
        `authz=http://127.0.0.1:${service.port}`,
        "--events",
        "request_headers",
        "--timeout-ms",
        "1000",
      ],
      config: { events: ["request_headers"], timeoutMs: 2000 },
    }));

    test("lets a request go on, with what the service said in a header", async () => {
      const answer = await deployment().request("/allowed");
      expect(answer.echo).toMatchObject({ target: "/allowed", headers: { "x-user": "alice" } });
      expect(asked).toContain("/allowed");
    });

    test("replies itself to what the service denies", async () => {
      const before = deployment().upstream.requests;
      const answer = await deployment().request("/denied");
      expect(answer).toMatchObject({ status: 403, body: "denied", echo: null });
      if (proxy.traits.honoursWholeAnswers) expect(answer.headers.get("x-denied-by")).toBe("authz");
      expect(deployment().upstream.requests).toBe(before);
    });

    test("replies when the service does not answer in time", async () => {
      const answer = await deployment().request("/silent");
      expect(answer).toMatchObject({ status: 504, body: "the authorization service did not answer" });
    });

    test("holds one request back, and answers others meanwhile", async () => {
      const order: string[] = [];
      const follow = async (target: string) => {
        const { echo } = await deployment().request(target);
        expect(echo?.headers).toMatchObject({ "x-user": "alice" });
        order.push(target);
      };
      await Promise.all([follow("/slow"), ...Array.from({ length: 20 }, (_, i) => follow(`/quick/${i}`))]);
      expect(order.at(-1)).toBe("/slow");
    });
  });

  test.skipIf(!proxy.traits.honoursWholeAnswers)(
    "is refused the call without a grant, as Envoy does",
    async () => {
      await using deployment = await Deployment.open(proxy, {
        module: pluginPath("authorize-rust"),
        config: { events: ["request_headers"] },
        isOpen: async (opened) => (await opened.request("/")).status === 503,
      });
      expect((await deployment.request("/any")).body).toBe("no authorization service");
      expect(deployment.agentLog()).toContain("--allow-callout");
    },
  );
});

describeEachProxy("a Proxy-Wasm filter of bodies", (proxy) => {
  if (!proxy.traits.honoursWholeAnswers) {
    test.skip("is shown damaged bodies by this proxy, or none", () => {});
    return;
  }
  const deployment = sharedDeployment(proxy, async () => ({
    module: pluginPath("mask-body-rust"),
    agentFlags: ["--events", "request_headers,request_body,response_headers,response_body"],
    config: {
      events: ["request_headers", "request_body", "response_headers", "response_body"],
      bodyMode: "stream",
      agentConfig: { plugin_configuration: "secret" },
    },
  }));

  test("masks a word in what a client sends", async () => {
    const answer = await deployment().request("/upload", { body: "the secret is out" });
    expect(answer.echo).toMatchObject({ method: "POST", body: "the ****** is out" });
  });

  test("masks a word in what a client gets", async () => {
    const answer = await deployment().request("/the-secret-page");
    expect(answer.body).toContain('"/the-******-page"');
    expect(answer.body).not.toContain("secret");
  });
});

describeEachProxy("a Proxy-Wasm filter that stops at the headers until the body is there", (proxy) => {
  if (!proxy.traits.honoursWholeAnswers) {
    test.skip("is shown no body by this proxy", () => {});
    return;
  }
  const script = [
    "request_headers return 1",
    "request_body add_header_map_value 0 'x-late' 'after the body'",
    "request_body return 0",
  ];
  const deployment = sharedDeployment(proxy, async () => ({
    module: pluginPath("scripted-0.2.1"),
    agentFlags: ["--events", "request_headers,request_body"],
    config: {
      events: ["request_headers", "request_body"],
      bodyMode: "inspect-first",
      agentConfig: { plugin_configuration: script.join("\n"), allow_on_headers_stop_iteration: true },
    },
    isOpen: async (opened) => (await opened.request("/", { body: "ready?" })).status === 200,
  }));

  test("changes the headers afterwards, where the proxy reads the body first", async () => {
    const answer = await deployment().request("/upload", { body: "whole" });
    expect(answer.echo).toMatchObject({ body: "whole", headers: { "x-late": "after the body" } });
  });
});
