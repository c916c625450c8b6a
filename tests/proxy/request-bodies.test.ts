/** Request bodies in every mode of the proxy: what reaches the guest, the upstream and the client. */

import { describe, expect, test } from "bun:test";
import type { BodyEvent } from "../../src/event/event.ts";
import type { RecordedEvent } from "../../src/telemetry/recording/recording.ts";
import type { BodyMode } from "./config.ts";
import { describeEachProxy } from "./describe-each-proxy.ts";
import { Deployment, type DeploymentOptions } from "./deployment.ts";
import { RawUpstream, rawRequest } from "./raw-http.ts";
import { scriptedGuest } from "./scripted-guest.ts";
import { sharedDeployment } from "./shared-deployment.ts";

const MIB = 1024 * 1024;

const TRUNCATED_CUT =
  '"truncated":true,"can_replace":false,"keep_length":true,"request":{"method":"POST","uri":"/cut"';

const POLICY = scriptedGuest({
  wantsRequest: true,
  rules: [
    {
      on: "request-body",
      when: "forbidden",
      answer: {
        decision: "block",
        status: 422,
        body: "no such word",
        add_response_headers: { "X-Why": "policy" },
      },
    },
    // The head of a hybrid body counts as truncated, too: the rest comes in other events.
    {
      on: "request-body",
      when: TRUNCATED_CUT,
      answer: { decision: "block", status: 413, body: "too long" },
    },
    { on: "request-body", when: "replace-me!", answer: { decision: "allow", replace_body: "REPLACED!!!" } },
    { on: "request-body", when: "shorten-me!", answer: { decision: "allow", replace_body: "SHORT" } },
    {
      on: "request-body",
      when: '"uri":"/marked',
      answer: {
        decision: "allow",
        add_request_headers: { "X-Body": "seen" },
        add_response_headers: { "X-Body": "seen" },
      },
    },
  ],
});

function chunked(...pieces: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async start(controller) {
      for (const piece of pieces) {
        controller.enqueue(Buffer.from(piece));
        await Bun.sleep(30);
      }
      controller.close();
    },
  });
}

function bodiesOf(recorded: readonly RecordedEvent[]): BodyEvent[] {
  return recorded.flatMap(({ event }) => (event.kind === "request-body-chunk" ? [event] : []));
}

function textOf(events: readonly BodyEvent[]): string {
  return Buffer.concat(events.map(({ bytes }) => bytes)).toString();
}

const MODES: readonly BodyMode[] = ["buffer", "stream", "hybrid:10", "inspect-first"];

describeEachProxy("request bodies", (proxy) => {
  const { honoursWholeAnswers, protocol } = proxy.traits;
  // Older proxies take the mode, and buffer all the same.
  const modes = honoursWholeAnswers ? MODES : MODES.slice(0, 1);

  describe.each([...modes])("in the mode %s", (mode) => {
    const isStreamed = mode === "stream" || mode === "hybrid:10";
    const options = async (): Promise<DeploymentOptions> => ({
      module: await POLICY,
      isRecorded: true,
      agentFlags: ["--events", "request_headers,request_body,response_headers"],
      config: {
        events: ["request_headers", "request_body", "response_headers"],
        ...(honoursWholeAnswers ? { bodyMode: mode } : { bodyTypes: ["text/plain"] }),
      },
    });
    const deployment = sharedDeployment(proxy, options);
    const headers = { "Content-Type": "text/plain" };

    async function bodiesOfRequest(target: string): Promise<BodyEvent[]> {
      const recorded = await deployment().recorded();
      const first = recorded.findLastIndex(
        ({ event }) => event.kind === "request-headers" && event.uri === target,
      );
      return bodiesOf(recorded.slice(first));
    }

    /** A proxy of the v1 era goes on with the upstream connection of a body that it refused, and spoils later requests. */
    async function inDeploymentOfItsOwn(check: (own: Deployment) => Promise<void>): Promise<void> {
      await using own = await Deployment.open(proxy, await options());
      await check(own);
    }

    test("a small body reaches the guest and the upstream", async () => {
      const answer = await deployment().request("/small", { body: "hello body", headers });
      expect(answer.status).toBe(200);
      expect(answer.echo?.body).toBe("hello body");
      const events = await bodiesOfRequest("/small");
      expect(textOf(events)).toBe("hello body");
      expect(events.at(-1)).toMatchObject({ isLast: true });
    });

    test("a body of several reads reaches the guest whole and in order", async () => {
      const body = Array.from({ length: 7000 }, (_, i) => `${i}`.padStart(9, "0")).join("\n");
      const answer = await deployment().request("/large", { body, headers });
      expect(answer.echo?.body).toBe(body);
      const events = await bodiesOfRequest("/large");
      expect(textOf(events)).toBe(body);
      if (isStreamed) expect(events.length).toBeGreaterThan(1);
      else expect(events).toMatchObject([{ totalBytes: body.length }]);
    });

    test("an upload in chunks reaches the guest whole, and its end is announced", async () => {
      const answer = await deployment().request("/chunks", {
        body: chunked("one ", "two ", "three"),
        headers,
      });
      expect(answer.echo?.body).toBe("one two three");
      const events = await bodiesOfRequest("/chunks");
      expect(textOf(events)).toBe("one two three");
      expect(events.at(-1)).toMatchObject({ isLast: true });
    });

    test("a forbidden word refuses the request", () =>
      inDeploymentOfItsOwn(async (own) => {
        const answer = await own.request("/word", { body: "forbidden word", headers });
        expect(answer.status).toBe(422);
        if (honoursWholeAnswers) {
          expect(answer.body).toBe("no such word");
          expect(answer.headers.get("x-why")).toBe("policy");
        }
        if (mode === "inspect-first") expect(own.upstream.requests).toBe(0);
      }));

    test("the body's event knows its request", async () => {
      const answer = await deployment().request("/marked", { body: "hello", headers });
      expect(answer.status).toBe(200);
      if (honoursWholeAnswers) expect(answer.headers.get("x-body")).toBe("seen");
      if (mode === "inspect-first") expect(answer.echo?.headers["x-body"]).toBe("seen");
      else expect(answer.echo?.headers).not.toHaveProperty("x-body");
    });

    if (mode === "stream") {
      test("a piece is replaced, if the length stays as it was announced", async () => {
        const answer = await deployment().request("/replace", { body: "replace-me!", headers });
        expect(answer.echo?.body).toBe("REPLACED!!!");
      });

      test("a replacement of another length is a failure, and nobody waits for bytes that never come", async () => {
        const answer = await deployment().request("/shorten", { body: "shorten-me!", headers });
        expect(answer).toMatchObject({ status: 500, body: "Wasm Error" });
        expect(deployment().agentLog()).toContain('"code":"guest-body-length"');
      });

      test("an upload in chunks may be replaced by any length", async () => {
        const answer = await deployment().request("/replace", {
          body: chunked("before ", "shorten-me!", " behind"),
          headers,
        });
        expect(answer.echo?.body).toBe("before SHORT behind");
      });
    } else if (mode !== "hybrid:10") {
      test("a replacement is a failure, for the proxy would ignore it", () =>
        inDeploymentOfItsOwn(async (own) => {
          const answer = await own.request("/replace", { body: "replace-me!", headers });
          expect(answer.status).toBe(500);
          expect(own.agentLog()).toContain('"code":"guest-body-not-replaceable"');
        }));
    }

    if (mode === "buffer" && honoursWholeAnswers) {
      test("a body that the proxy cuts off is said to be truncated", async () => {
        const answer = await deployment().request("/cut", { body: "x".repeat(MIB + 100), headers });
        expect(answer).toMatchObject({ status: 413, body: "too long" });
      });
    }
  });

  if (!honoursWholeAnswers) return;

  test("a body that is sent again on a new upstream connection is inspected and replaced again", async () => {
    // The first request of a connection is answered, the second one ends it: the proxy tries again on a fresh one.
    using upstream = await RawUpstream.open(({ index, body }) =>
      index === 0 ? `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}` : null,
    );
    await using deployment = await Deployment.open(proxy, {
      module: await POLICY,
      upstream: upstream.address,
      isRecorded: true,
      config: { events: ["request_headers", "request_body"], bodyMode: "stream" },
    });
    expect((await deployment.request("/first")).status).toBe(200);
    const answer = await deployment.request("/second", { body: "replace-me!" });
    expect(answer).toMatchObject({ status: 200, body: "REPLACED!!!" });
    const events = bodiesOf(await deployment.recorded());
    expect(events.map(({ isLast }) => isLast)).toEqual([true, true]);
    expect(events.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(["replace-me!", "replace-me!"]);
    expect(upstream.requests.filter(({ head }) => head.includes("/second"))).toHaveLength(2);
  });

  test("header operations of the request reach the real response and not the interim one", async () => {
    const guest = await scriptedGuest({
      rules: [
        {
          on: "request",
          when: "/",
          answer: { decision: "allow", add_response_headers: { "X-Early": "request" } },
        },
        {
          on: "response",
          when: '"status"',
          answer: { decision: "allow", add_response_headers: { "X-Late": "response" } },
        },
      ],
    });
    using upstream = await RawUpstream.open(
      () => "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    );
    await using deployment = await Deployment.open(proxy, {
      module: guest,
      upstream: upstream.address,
      isRecorded: true,
    });
    const text = await rawRequest(
      deployment.address,
      "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
    );
    const real = text.slice(text.indexOf("HTTP/1.1 200"));
    expect(real.toLowerCase()).toContain("x-late: response");
    const responses = (await deployment.recorded()).filter(({ event }) => event.kind === "response-headers");
    expect(responses.every(({ event }) => event.kind === "response-headers" && event.status === 200)).toBe(
      true,
    );
  });

  test(`over ${protocol}, uploads that would not be shown are refused with --strict-inspection`, async () => {
    await using deployment = await Deployment.open(proxy, {
      module: await POLICY,
      agentFlags: ["--strict-inspection"],
      config: {
        events: ["request_headers", "request_body"],
        bodyMode: "buffer",
        websocket: "passed",
      },
    });
    const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    const text = await rawRequest(
      deployment.address,
      `POST /hidden HTTP/1.1\r\nHost: a.test\r\n${upgrade}Content-Length: 9\r\n\r\nforbidden`,
    );
    expect(text).toStartWith("HTTP/1.1 403");
    expect(text).toContain("This request cannot be inspected");
    expect(deployment.upstream.requests).toBe(0);
  });
});
