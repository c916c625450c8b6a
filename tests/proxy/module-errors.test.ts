/** A module that fails: the agent's policy decides, and the next request finds a healthy instance. */

import { describe, expect, test } from "bun:test";
import { guestPath } from "../guests/guest-path.ts";
import { describeEachProxy } from "./describe-each-proxy.ts";
import { Deployment } from "./deployment.ts";
import { scriptedGuest } from "./scripted-guest.ts";
import { sharedDeployment } from "./shared-deployment.ts";

const ERRORS = [
  { what: "a trap", target: "/trap", code: "guest-trap", answer: "trap" },
  {
    what: "an unknown decision",
    target: "/unknown",
    code: "guest-decision-unknown",
    answer: { decision: "perhaps" },
  },
  {
    what: "a status that HTTP does not have",
    target: "/status",
    code: "guest-status-range",
    answer: { decision: "block", status: 42 },
  },
  {
    what: "a header that would split the response",
    target: "/split",
    code: "guest-header-value",
    answer: { decision: "allow", add_response_headers: { "X-A": "b\r\nSet-Cookie: c" } },
  },
] as const;

const FRAGILE = scriptedGuest({
  rules: [
    ...ERRORS.map(({ target, answer }) => ({ on: "request" as const, when: target, answer })),
    { on: "request", when: "/", answer: { decision: "allow", add_request_headers: { "X-Guest": "asked" } } },
  ],
});

describeEachProxy("module errors", (proxy) => {
  describe.each([
    { policy: "fail-closed", flags: [] },
    { policy: "fail-open", flags: ["--fail-open"] },
  ])("under $policy", ({ policy, flags }) => {
    const isOpen = policy === "fail-open";
    const deployment = sharedDeployment(proxy, async () => ({ module: await FRAGILE, agentFlags: flags }));

    test.each([...ERRORS])(
      `$what ${isOpen ? "lets the request through unchanged" : "is a 500 that says Wasm Error"}`,
      async ({ target, code }) => {
        const before = deployment().upstream.requests;
        const answer = await deployment().request(target);
        if (isOpen) {
          expect(answer.status).toBe(200);
          expect(answer.echo?.headers).not.toHaveProperty("x-guest");
        } else {
          expect(answer).toMatchObject({ status: 500, body: "Wasm Error" });
          expect(deployment().upstream.requests).toBe(before);
        }
        expect(deployment().agentLog()).toContain(`"code":"${code}"`);
      },
    );

    test("requests between failing ones are decided by a healthy instance", async () => {
      for (let i = 0; i < 20; i++) {
        expect((await deployment().request("/trap")).status).toBe(isOpen ? 200 : 500);
        expect((await deployment().request("/fine")).echo?.headers["x-guest"]).toBe("asked");
      }
    });
  });
});

describeEachProxy("modules that never return", (proxy) => {
  const flags = ["--timeout-ms", "200"];

  test("under fail-closed the deadline makes it a 500 that says Wasm Error, and others are served", async () => {
    await using deployment = await Deployment.open(proxy, {
      module: guestPath("loop-on-marker"),
      agentFlags: flags,
    });
    for (let i = 0; i < 3; i++) {
      expect(await deployment.request("/boom")).toMatchObject({ status: 500, body: "Wasm Error" });
      expect((await deployment.request("/fine")).status).toBe(200);
    }
    expect(deployment.agentLog()).toContain('"code":"guest-deadline"');
  });

  test("under fail-open the deadline lets the request through", async () => {
    await using deployment = await Deployment.open(proxy, {
      module: guestPath("loop-on-marker"),
      agentFlags: [...flags, "--fail-open"],
    });
    expect((await deployment.request("/boom")).echo?.target).toBe("/boom");
  });
});

const FRAGILE_RESPONSES = scriptedGuest({
  rules: [{ on: "response", when: '"status":200', answer: "trap" }],
});

describeEachProxy("module errors at response time", (proxy) => {
  const { honoursWholeAnswers, sendsResponseEvents } = proxy.traits;
  const isReplaced = honoursWholeAnswers && sendsResponseEvents;

  test(`under fail-closed the upstream's response ${isReplaced ? "is replaced by Wasm Error" : "passes: this proxy does not act on it"}`, async () => {
    await using deployment = await Deployment.open(proxy, {
      module: await FRAGILE_RESPONSES,
      isOpen: async (opened) => [200, 500].includes((await opened.request("/")).status),
    });
    const answer = await deployment.request("/");
    if (isReplaced) expect(answer).toMatchObject({ status: 500, body: "Wasm Error" });
    else expect(answer.status).toBe(200);
  });

  test("under fail-open the upstream's response passes", async () => {
    await using deployment = await Deployment.open(proxy, {
      module: await FRAGILE_RESPONSES,
      agentFlags: ["--fail-open"],
    });
    expect((await deployment.request("/")).echo?.target).toBe("/");
  });
});
