/**
 * Header changes of a module, on both sides and from both phases: each is applied once, whatever the proxy's version
 * (docs/agent-protocol.md 8).
 */

import { expect, test } from "bun:test";
import { describeEachProxy } from "./describe-each-proxy.ts";
import { Deployment } from "./deployment.ts";
import { scriptedGuest } from "./scripted-guest.ts";
import { sharedDeployment } from "./shared-deployment.ts";

const CHANGES = scriptedGuest({
  rules: [
    {
      on: "request",
      when: "/page",
      answer: {
        decision: "allow",
        add_request_headers: { "X-Set": "by the guest", "X-List": ["one", "two"] },
        remove_request_headers: ["X-Secret"],
        add_response_headers: {
          "X-Early": "at request time",
          "X-Early-List": ["one", "two"],
          "X-Both": "at request time",
        },
        remove_response_headers: ["X-Powered-By"],
      },
    },
    {
      on: "response",
      when: '"status":200',
      answer: {
        decision: "allow",
        add_response_headers: {
          "X-Late": "at response time",
          "X-Late-List": ["three", "four"],
          "X-Both": "at response time",
        },
        remove_response_headers: ["Server"],
      },
    },
  ],
});

const SENT = {
  "X-Set": "by the client",
  "X-List": "by the client",
  "X-Secret": "hidden",
  "X-Kept": "as sent",
};
const EVENTS = ["request_headers", "response_headers"] as const;

describeEachProxy("header changes", (proxy) => {
  const { sendsResponseEvents } = proxy.traits;
  const deployment = sharedDeployment(proxy, async () => ({
    module: await CHANGES,
    config: { events: EVENTS },
  }));

  test("a request header is set, not added to the client's", async () => {
    const { echo } = await deployment().request("/page", { headers: SENT });
    expect(echo?.headers["x-set"]).toBe("by the guest");
    expect(echo?.headers["x-kept"]).toBe("as sent");
  });

  test("a list becomes several values of a request header, each once", async () => {
    const { echo } = await deployment().request("/page", { headers: SENT });
    expect(echo?.headers["x-list"]).toBe("one, two");
  });

  test("a removed request header does not reach the upstream", async () => {
    const { echo } = await deployment().request("/page", { headers: SENT });
    expect(echo?.headers).not.toHaveProperty("x-secret");
  });

  if (sendsResponseEvents) {
    test("response headers set at response time reach the client once", async () => {
      const { headers } = await deployment().request("/page");
      expect(headers.get("x-late")).toBe("at response time");
      expect(headers.get("x-late-list")).toBe("three, four");
      expect(headers.has("server")).toBe(false);
    });

    test("response headers set at request time reach the client once", async () => {
      const { headers } = await deployment().request("/page");
      expect(headers.get("x-early")).toBe("at request time");
      expect(headers.get("x-early-list")).toBe("one, two");
      expect(headers.has("x-powered-by")).toBe(false);
    });

    const times = proxy.traits.honoursWholeAnswers
      ? "once"
      : "again for the response, the first time in vain";
    test(`the agent tells this proxy ${times} what was set at request time`, async () => {
      await using tapped = await Deployment.open(proxy, {
        module: await CHANGES,
        config: { events: EVENTS },
        hasTap: true,
      });
      await tapped.request("/page");
      const told = tapped.agentAnswers().split('"name":"X-Early"').length - 1;
      expect(told).toBe(proxy.traits.honoursWholeAnswers ? 1 : 2);
    });

    test("of a header set in both phases the later value counts", async () => {
      const { headers } = await deployment().request("/page");
      expect(headers.get("x-both")).toBe("at response time");
    });

    test("what one request set does not appear on the response of another", async () => {
      await deployment().request("/page");
      const { headers } = await deployment().request("/other");
      expect(headers.get("x-late")).toBe("at response time");
      expect(headers.has("x-early")).toBe(false);
      expect(headers.get("x-powered-by")).toBe("upstream");
    });
  } else {
    test("response headers cannot reach the client, and the log says so once", async () => {
      for (let i = 0; i < 3; i++) {
        const { headers } = await deployment().request("/page");
        expect(headers.has("x-early")).toBe(false);
        expect(headers.has("x-late")).toBe(false);
      }
      const warnings = deployment()
        .agentLog()
        .split("\n")
        .filter((line) => line.includes("cannot reach the client"));
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain("protocol v1 has no response events");
    });
  }
});

describeEachProxy("header changes when the agent is asked about requests only", (proxy) => {
  const { honoursWholeAnswers } = proxy.traits;

  test(`response headers set at request time ${honoursWholeAnswers ? "still reach" : "do not reach"} the client`, async () => {
    await using deployment = await Deployment.open(proxy, {
      module: await CHANGES,
      config: { events: ["request_headers"] },
    });
    const { headers, echo } = await deployment.request("/page", { headers: SENT });
    expect(echo?.headers["x-set"]).toBe("by the guest");
    expect(headers.get("x-early")).toBe(honoursWholeAnswers ? "at request time" : null);
    expect(headers.has("x-late")).toBe(false);
  });
});
