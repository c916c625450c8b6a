/** Response bodies: shown whole and once, and what a verdict makes of them. */

import { describe, expect, test } from "bun:test";
import { describeEachProxy } from "./describe-each-proxy.ts";
import { Deployment } from "./deployment.ts";
import { RawUpstream } from "./raw-http.ts";
import { scriptedGuest } from "./scripted-guest.ts";
import { sharedDeployment } from "./shared-deployment.ts";

const POLICY = scriptedGuest({
  wantsRequest: true,
  rules: [
    {
      on: "response-body",
      when: "/secret",
      answer: { decision: "allow", replace_body: '{"replaced":true}' },
    },
    { on: "response-body", when: "/binary", answer: { decision: "allow", replace_body_base64: "AP8B" } },
    { on: "response-body", when: "/empty", answer: { decision: "allow", replace_body: "" } },
    {
      on: "response-body",
      when: "/held-back",
      answer: { decision: "block", status: 451, body: "held back" },
    },
    {
      on: "response-body",
      when: "/elsewhere",
      answer: { decision: "redirect", status: 302, body: "/login" },
    },
  ],
});

describeEachProxy("response bodies", (proxy) => {
  if (!proxy.traits.honoursWholeAnswers) {
    test.skip("are damaged by this proxy, or never sent", () => {});
    return;
  }

  describe("of an upstream that echoes", () => {
    const deployment = sharedDeployment(proxy, async () => ({
      module: await POLICY,
      isRecorded: true,
      config: { events: ["request_headers", "response_headers", "response_body"] },
    }));

    test("reach the guest whole, with the request that they answer", async () => {
      const answer = await deployment().request("/plain");
      expect(answer.echo?.target).toBe("/plain");
      const recorded = (await deployment().recorded()).at(-1)?.event;
      expect(recorded).toMatchObject({
        kind: "response-body-chunk",
        isLast: true,
        totalBytes: answer.body.length,
        context: { isTruncated: false, canReplace: true, mustKeepLength: false },
        request: { uri: "/plain" },
      });
      expect(recorded?.kind === "response-body-chunk" && Buffer.from(recorded.bytes).toString()).toBe(
        answer.body,
      );
    });

    test("are replaced by text of another length", async () => {
      expect(await deployment().request("/secret")).toMatchObject({ status: 200, body: '{"replaced":true}' });
    });

    test("are replaced by any bytes", async () => {
      const response = await fetch(`http://${deployment().address}/binary`);
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(new Uint8Array([0, 255, 1]));
    });

    test("cannot be replaced by nothing, and nobody believes it", async () => {
      expect((await deployment().request("/empty")).status).toBe(500);
      expect(deployment().agentLog()).toContain('"code":"guest-body-not-replaceable"');
    });

    test("are held back by a block or a redirect", async () => {
      expect(await deployment().request("/held-back")).toMatchObject({ status: 451, body: "held back" });
      const redirected = await deployment().request("/elsewhere");
      expect([redirected.status, redirected.headers.get("location")]).toEqual([302, "/login"]);
    });
  });

  test("come once for several chunks of the upstream", async () => {
    using upstream = await RawUpstream.open(
      () => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none \r\n5\r\ntwo!!\r\n0\r\n\r\n",
    );
    await using deployment = await Deployment.open(proxy, {
      module: await POLICY,
      upstream: upstream.address,
      isRecorded: true,
      config: { events: ["request_headers", "response_headers", "response_body"] },
    });
    expect((await deployment.request("/chunks")).body).toBe("one two!!");
    const bodies = (await deployment.recorded()).filter(
      ({ event }) => event.kind === "response-body-chunk" && event.request?.kind !== undefined,
    );
    expect(bodies.at(-1)?.event).toMatchObject({
      bytes: Buffer.from("one two!!"),
      chunkIndex: 0,
      isLast: true,
    });
  });

  test("are refused with 403 and never asked for, where an upgrade would hide them", async () => {
    await using deployment = await Deployment.open(proxy, {
      module: await POLICY,
      agentFlags: ["--strict-inspection"],
      config: { events: ["request_headers", "response_headers", "response_body"], websocket: "passed" },
    });
    const before = deployment.upstream.requests;
    const answer = await deployment.request("/upgrade", {
      headers: { Upgrade: "websocket", Connection: "Upgrade" },
    });
    expect(answer).toMatchObject({ status: 403, body: "This request cannot be inspected" });
    expect(deployment.upstream.requests).toBe(before);
  });
});
