/** What an HTTP client gets for each decision of a module (docs/agent-protocol.md 8). */

import { describe, expect, test } from "bun:test";
import { examplePolicy } from "../support/example-modules.ts";
import { describeEachProxy } from "./describe-each-proxy.ts";
import { Deployment } from "./deployment.ts";
import { scriptedGuest } from "./scripted-guest.ts";
import { sharedDeployment } from "./shared-deployment.ts";

describeEachProxy("the policy of the example module", (proxy) => {
  const deployment = sharedDeployment(proxy, async () => ({ module: examplePolicy("rust") }));

  test("an ordinary request reaches the upstream, marked by the module", async () => {
    const answer = await deployment().request("/products?page=2", { method: "POST" });
    expect(answer.status).toBe(200);
    expect(answer.echo).toMatchObject({ method: "POST", target: "/products?page=2" });
    expect(answer.echo?.headers["x-wasm-processed"]).toBe("true");
  });

  test("the module is told the bare client address", async () => {
    const answer = await deployment().request("/");
    expect(answer.echo?.headers["x-client-ip"]).toBe("127.0.0.1");
  });

  test("a request with credentials may enter the administration", async () => {
    const answer = await deployment().request("/admin", { headers: { Authorization: "Bearer letmein" } });
    expect(answer.status).toBe(200);
  });

  const refused = [
    { what: "administration without credentials", target: "/admin", status: 401 },
    { what: "SQL injection", target: "/search?q=1%20UNION%20SELECT", status: 403 },
    { what: "path traversal", target: "/files?name=../../etc/passwd", status: 403 },
    { what: "cross-site scripting", target: "/search?q=javascript:alert(1)", status: 403 },
    { what: "a scanner", target: "/", agent: "sqlmap/1.7", status: 403 },
  ];
  test.each(refused)("$what is refused with $status, and the upstream never hears of it", async (row) => {
    const before = deployment().upstream.requests;
    const answer = await deployment().request(row.target, {
      headers: { "User-Agent": row.agent ?? "Mozilla/5.0" },
    });
    expect(answer.status).toBe(row.status);
    expect(answer.body).toBe(row.status === 401 ? "Authentication required" : "Forbidden");
    expect(answer.headers.get("content-type")).toBe("text/plain");
    expect(deployment().upstream.requests).toBe(before);
  });
});

const DECISIONS = scriptedGuest({
  rules: [
    {
      on: "request",
      when: "/too-many",
      answer: {
        decision: "block",
        status: 429,
        body: '{"error":"slow down"}',
        add_response_headers: { "Retry-After": "7", "Content-Type": "application/json" },
      },
    },
    { on: "request", when: "/bare-block", answer: { decision: "block", status: 451 } },
    { on: "request", when: "/empty-block", answer: { decision: "DENY", body: "" } },
    { on: "request", when: "/moved", answer: { decision: "redirect", status: 308, body: "/new place?q=ü" } },
    { on: "request", when: "/login", answer: { decision: "redirect", body: "https://login.test/?next=%2F" } },
    { on: "response", when: '"status":200', answer: { decision: "block", status: 502, body: "held back" } },
  ],
});

describeEachProxy("decisions", (proxy) => {
  const { honoursWholeAnswers, sendsResponseEvents } = proxy.traits;
  const deployment = sharedDeployment(proxy, async () => ({
    module: await DECISIONS,
    isOpen: async (opened) => (await opened.request("/bare-block")).status === 451,
  }));

  test("a block brings its status and body", async () => {
    const answer = await deployment().request("/too-many");
    expect(answer.status).toBe(429);
    expect(answer.body).toBe('{"error":"slow down"}');
  });

  test(`headers of a block ${honoursWholeAnswers ? "reach the client" : "are lost in this proxy"}`, async () => {
    const { headers } = await deployment().request("/too-many");
    expect(headers.get("retry-after")).toBe(honoursWholeAnswers ? "7" : null);
    expect(headers.get("content-type")).toBe(honoursWholeAnswers ? "application/json" : "text/plain");
  });

  test("a block without a body gets the proxy's text", async () => {
    const answer = await deployment().request("/bare-block");
    expect(answer).toMatchObject({ status: 451, body: "Blocked by agent" });
  });

  test("a block with an empty body is empty", async () => {
    expect(await deployment().request("/empty-block")).toMatchObject({ status: 403, body: "" });
  });

  const redirects = [
    { target: "/login", status: 302, location: "https://login.test/?next=%2F" },
    { target: "/moved", status: 308, location: "/new%20place?q=%C3%BC" },
  ];
  test.each(redirects)(
    `a redirect with $status ${honoursWholeAnswers ? "names its target" : "loses its target in this proxy"}`,
    async ({ target, status, location }) => {
      const answer = await deployment().request(target);
      expect(answer.status).toBe(status);
      expect(answer.headers.get("location")).toBe(honoursWholeAnswers ? location : null);
    },
  );

  if (sendsResponseEvents) {
    const outcome = honoursWholeAnswers
      ? "replaces the upstream's response"
      : "changes nothing in this proxy";
    test(`a block while answering the response ${outcome}`, async () => {
      const answer = await deployment().request("/report");
      if (honoursWholeAnswers) {
        expect(answer).toMatchObject({ status: 502, body: "held back" });
      } else {
        expect(answer.status).toBe(200);
        expect(answer.echo?.target).toBe("/report");
      }
    });
  } else {
    test("the module is not asked about responses", async () => {
      expect((await deployment().request("/report")).status).toBe(200);
    });
  }
});

describeEachProxy("redirects with --redirect-encoding", (proxy) => {
  const { honoursWholeAnswers } = proxy.traits;
  const redirectWith = async (encoding: string) => {
    await using deployment = await Deployment.open(proxy, {
      module: await DECISIONS,
      agentFlags: ["--redirect-encoding", encoding],
      isOpen: async (opened) => (await opened.request("/bare-block")).status === 451,
    });
    return await deployment.request("/login");
  };

  describe("block", () => {
    test(`a redirect is an empty answer ${honoursWholeAnswers ? "with" : "without"} its target`, async () => {
      const answer = await redirectWith("block");
      expect(answer).toMatchObject({ status: 302, body: "" });
      const location = answer.headers.get("location");
      expect(location).toBe(honoursWholeAnswers ? "https://login.test/?next=%2F" : null);
    });
  });

  describe("redirect", () => {
    test(`a redirect ${honoursWholeAnswers ? "names its target" : "is an error of this proxy"}`, async () => {
      const answer = await redirectWith("redirect");
      expect(answer.status).toBe(honoursWholeAnswers ? 302 : 500);
      const location = answer.headers.get("location");
      expect(location).toBe(honoursWholeAnswers ? "https://login.test/?next=%2F" : null);
    });
  });
});
