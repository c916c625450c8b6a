/** The last events of a session, bounded in count and size. */

import { expect, test } from "bun:test";
import { EventHistory, type EventRecord } from "../../../../src/tools/dev/event-history.ts";
import { eventFromForm } from "../../../../src/tools/dev/event-form.ts";
import type { HeadersEvent } from "../../../../src/event/event.ts";
import { EventFailure } from "../../../../src/event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../../../../src/event/verdict.ts";

function request(uri: string): HeadersEvent {
  const form = {
    kind: "request-headers",
    method: "GET",
    uri,
    clientIp: "",
    headers: [["host", "a"]],
  } as const;
  return eventFromForm(form, "id", null);
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
  expect(history.event(2)).toBeNull();
});
