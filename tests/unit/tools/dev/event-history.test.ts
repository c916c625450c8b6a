/** The last events of a session, bounded in count and size. */

import { expect, test } from "bun:test";
import { EventHistory, type EventRecord } from "../../../../src/tools/dev/event-history.ts";
import type { ProxyEvent } from "../../../../src/event/event.ts";
import { EventFailure } from "../../../../src/event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../../../../src/event/verdict.ts";
import { sampleRequest } from "../../../support/neutral-events.ts";

function request(uri: string, id = "id"): ProxyEvent {
  return sampleRequest({ uri, id, headers: { host: ["a"] } });
}

function makeHistory() {
  const records: EventRecord[] = [];
  const history = new EventHistory({
    takeLog: () => [{ level: "info", text: "written" }],
    sha256: () => "abc",
    onRecord: (record) => records.push(record),
  });
  return { history, records };
}

test("an event can be opened again with its answer and what the module wrote", () => {
  const { history, records } = makeHistory();
  const verdict: Verdict = {
    ...PLAIN_ALLOW,
    decision: { kind: "block", status: 401, body: "no" },
    requestHeaders: [{ op: "set", name: "x", value: "1" }],
  };
  history.onSettled(request("/a"), verdict, 12, null);
  expect(records.map(({ row }) => row)).toMatchObject([
    {
      id: 1,
      title: "GET /a",
      decision: "block",
      status: 401,
      us: 12,
      headerChanges: 1,
      sha256: "abc",
      isKept: true,
    },
  ]);
  expect(history.detail(1)).toMatchObject({
    form: { uri: "/a", headers: [["host", "a"]] },
    outcome: { decision: "block", status: 401, body: "no", log: [{ text: "written" }], sha256: "abc" },
  });
});

test("a failed one says why", () => {
  const { history } = makeHistory();
  history.onSettled(request("/a"), PLAIN_ALLOW, 1, new EventFailure("guest-trap", "unreachable"));
  expect(history.detail(1)?.outcome.failure).toEqual({ code: "guest-trap", message: "unreachable" });
  expect(history.rows[0]?.failureCode).toBe("guest-trap");
});

test("only the last three hundred are kept", () => {
  const { history } = makeHistory();
  for (let i = 1; i <= 310; i++) history.onSettled(request(`/${i}`), PLAIN_ALLOW, 1, null);
  expect(history.rows).toHaveLength(300);
  expect(history.rows[0]?.title).toBe("GET /11");
  expect(history.detail(10)).toBeNull();
  expect(history.detail(310)).not.toBeNull();
});

test("what is too large has its line, and nothing more", () => {
  const { history } = makeHistory();
  history.onSettled(request(`/${"x".repeat(200_000)}`), PLAIN_ALLOW, 1, null);
  const body = "y".repeat(200_000);
  history.onSettled(
    request("/"),
    { ...PLAIN_ALLOW, decision: { kind: "block", status: 403, body } },
    1,
    null,
  );
  expect(history.rows.map(({ isKept }) => isKept)).toEqual([false, false]);
  expect(history.rows[0]?.title.length).toBeLessThan(2100);
  expect(history.detail(1)).toBeNull();
  expect(history.exchange(2)).toEqual([]);
});

test("a later event is opened behind the events of its exchange that came before", () => {
  const { history } = makeHistory();
  const body: ProxyEvent = {
    kind: "request-body-chunk",
    correlationId: "mine",
    bytes: Buffer.from("secret"),
    isLast: true,
    chunkIndex: 0,
    totalBytes: 6,
    bytesSoFar: 6,
  };
  history.onSettled(request("/before", "mine"), PLAIN_ALLOW, 1, null);
  history.onSettled(request("/mine", "mine"), PLAIN_ALLOW, 1, null);
  history.onSettled(request("/other", "other"), PLAIN_ALLOW, 1, null);
  history.onSettled(body, { ...PLAIN_ALLOW, replacement: Buffer.from("******") }, 1, null);
  expect(history.rows.at(-1)).toMatchObject({
    kind: "request-body-chunk",
    title: "request body, 6 bytes",
    effects: ["replaced by 6 bytes"],
  });
  expect(history.exchange(4).map((event) => ("uri" in event ? event.uri : event.kind))).toEqual([
    "/mine",
    "request-body-chunk",
  ]);
  expect(history.detail(4)).toMatchObject({
    form: { request: { uri: "/mine" }, payload: { encoding: "text", value: "secret" } },
    outcome: { kind: "request-body-chunk", replacement: { value: "******" } },
  });
});

test("every effect of a verdict has its words", () => {
  const { history } = makeHistory();
  const frame: ProxyEvent = {
    kind: "websocket-frame",
    correlationId: "id",
    opcode: "text",
    bytes: Buffer.from("hello"),
    isFromClient: true,
    frameIndex: 0,
    isFinal: true,
    routeId: null,
    clientAddress: "",
  };
  history.onSettled(frame, { ...PLAIN_ALLOW, frame: { kind: "drop" } }, 1, null);
  history.onSettled(frame, { ...PLAIN_ALLOW, frame: { kind: "close", code: 1008, reason: "no" } }, 1, null);
  history.onSettled(frame, { ...PLAIN_ALLOW, needsMore: true, detections: [] }, 1, null);
  expect(history.rows.map(({ title, effects }) => [title, ...effects])).toEqual([
    ["text frame from the client, 5 bytes", "frame dropped"],
    ["text frame from the client, 5 bytes", "closed 1008"],
    ["text frame from the client, 5 bytes", "needs more"],
  ]);
});

test("an event that no proxy sends has its line, and cannot be opened", () => {
  const { history } = makeHistory();
  history.onSettled(
    {
      kind: "request-complete",
      correlationId: "id",
      status: 200,
      durationMs: 1,
      requestBodyBytes: 0,
      responseBodyBytes: 0,
      upstreamAttempts: 1,
      error: null,
    },
    PLAIN_ALLOW,
    1,
    null,
  );
  expect(history.rows).toMatchObject([{ title: "complete 200", isKept: false }]);
  expect(history.detail(1)).toBeNull();
});
