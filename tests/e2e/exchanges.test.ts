/** What the options about exchanges do, as a proxy sees it. The guest answers with the request that it is given. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { guestPath } from "../guests/guest-path.ts";
import type { AcceptedAnswer } from "../support/accepted-answer.ts";
import type { V2Proxy } from "../support/fake-proxy.ts";
import { ServingAgent } from "../support/serving-agent.ts";

setDefaultTimeout(30_000);

async function serve(flags: readonly string[] = []): Promise<ServingAgent> {
  return ServingAgent.start(await Bun.file(guestPath("echo-bytes-request")).bytes(), flags);
}

/** The request that the guest was given with a later event. */
function requestIn(answer: AcceptedAnswer): unknown {
  return (answer.custom["input"] as { readonly request?: { readonly uri: string } }).request?.uri ?? null;
}

test("every kind of event reaches a guest that handles it, with its bytes and its request", async () => {
  await using agent = await serve();
  const proxy = await agent.proxy();
  const headers = { host: ["a.test"], "content-length": ["3"] };
  expect(await proxy.request({ id: "a", method: "POST", uri: "/a", headers })).toMatchObject({
    custom: { input: { method: "POST", uri: "/a" }, bytes: "" },
  });
  const request = { method: "POST", uri: "/a", headers: { "content-length": "3" }, route_id: "api" };
  const bytes = new Uint8Array([0, 255, 10]);
  expect(await proxy.requestBody({ id: "a", bytes })).toMatchObject({
    custom: { bytes: "00ff0a", input: { is_last: true, total_size: 3, truncated: false, request } },
  });
  expect(await proxy.requestBody({ id: "a", bytes, isStreamed: true, isLast: false })).toMatchObject({
    needsMore: true,
    custom: { input: { is_last: false, total_size: null, can_replace: true, keep_length: true } },
  });
  expect(await proxy.response({ id: "a", status: 101, headers: {} })).toMatchObject({
    custom: { input: { status: 101, request } },
  });
  expect(await proxy.frame({ id: "a", bytes, opcode: "binary", isFromClient: false })).toMatchObject({
    custom: { bytes: "00ff0a", input: { opcode: "binary", client_to_server: false, request } },
  });
  expect(await proxy.guardrail({ id: "a", content: "é" })).toMatchObject({
    custom: { bytes: "", input: { content: "é", inspection_type: "pii_detection", request } },
  });
  expect(await proxy.responseBody({ id: "a", bytes })).toMatchObject({
    custom: { bytes: "00ff0a", input: { is_last: true, can_replace: true, request } },
  });
});

describe("the state of an exchange", () => {
  test("is kept for events that may still come", async () => {
    await using agent = await serve();
    const [first, second] = [await agent.proxy(), await agent.proxy()];
    await first.request({ id: "a", uri: "/a" });
    expect(requestIn(await second.response({ id: "a" }))).toBe("/a");
    expect(requestIn(await second.responseBody({ id: "a" }))).toBe("/a");
    expect(requestIn(await second.responseBody({ id: "a" }))).toBeNull();
  });

  test("ends with the last of the --events", async () => {
    await using agent = await serve(["--events", "request-headers,response_headers"]);
    const proxy = await agent.proxy();
    await proxy.request({ id: "a", uri: "/a" });
    expect(requestIn(await proxy.response({ id: "a" }))).toBe("/a");
    expect(requestIn(await proxy.responseBody({ id: "a" }))).toBeNull();
  });

  test("ends with the last of the events that the proxy's configuration names", async () => {
    await using agent = await serve();
    const proxy = await agent.proxy();
    await proxy.configure({ events: ["request_headers", "request_body"] });
    await proxy.request({ id: "a", uri: "/a", headers: { "content-length": ["2"] } });
    expect(requestIn(await proxy.requestBody({ id: "a" }))).toBe("/a");
    expect(requestIn(await proxy.response({ id: "a" }))).toBeNull();
  });

  test("ends when no event has come for --exchange-timeout-ms", async () => {
    await using agent = await serve(["--exchange-timeout-ms", "20"]);
    const proxy = await agent.proxy();
    await proxy.request({ id: "a", uri: "/a" });
    await Bun.sleep(200);
    expect(requestIn(await proxy.response({ id: "a" }))).toBeNull();
  });

  test("ends for the oldest when there are more than --max-exchanges", async () => {
    await using agent = await serve(["--max-exchanges", "2"]);
    const proxy = await agent.proxy();
    for (const id of ["a", "b", "c"]) await proxy.request({ id, uri: `/${id}` });
    const found = [];
    for (const id of ["a", "b", "c"]) found.push(requestIn(await proxy.response({ id })));
    expect(found).toEqual([null, "/b", "/c"]);
  });
});

describe("--strict-inspection", () => {
  const upgrade = { host: ["a.test"], connection: ["Upgrade"], upgrade: ["websocket"] };
  const events = ["--events", "request_headers,request_body,websocket_frame"];

  test("refuses what the guest could not inspect, and lets everything else through", async () => {
    await using agent = await serve(["--strict-inspection", ...events]);
    const proxy = await agent.proxy();
    const refused = { decision: { block: { status: 403 } }, tags: ["strict-inspection"] };
    expect(await proxy.request({ id: "a", headers: { ...upgrade, "content-length": ["5"] } })).toMatchObject({
      ...refused,
      reasonCodes: ["upgrade-with-body"],
    });
    expect(
      await proxy.request({
        id: "b",
        headers: { ...upgrade, "sec-websocket-extensions": ["permessage-deflate"] },
      }),
    ).toMatchObject({ ...refused, reasonCodes: ["compressed-websocket-frames"] });
    expect(await proxy.request({ id: "c", headers: upgrade })).toMatchObject({ decision: "allow" });
    expect(requestIn(await proxy.frame({ id: "c" }))).toBe("/");
  });

  test("is off unless it is asked for", async () => {
    await using agent = await serve(events);
    const proxy = await agent.proxy();
    const headers = { ...upgrade, "content-length": ["5"] };
    expect(await proxy.request({ headers })).toMatchObject({ decision: "allow" });
  });

  test("ends what is kept of an older request with the same id", async () => {
    await using agent = await serve(["--strict-inspection", ...events]);
    const proxy = await agent.proxy();
    await proxy.request({ id: "same", uri: "/old", headers: upgrade });
    await proxy.request({ id: "same", uri: "/new", method: "POST", headers: upgrade });
    expect(requestIn(await proxy.frame({ id: "same" }))).toBeNull();
  });
});

test("a proxy of before 0.6.51 takes no replacement of a body, which the guest is told", async () => {
  await using agent = await serve();
  const old: V2Proxy = await agent.proxy("0.6.45");
  await old.request({ id: "a" });
  expect(await old.responseBody({ id: "a" })).toMatchObject({ custom: { input: { can_replace: false } } });
});
