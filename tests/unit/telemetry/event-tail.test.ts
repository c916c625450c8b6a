/** Verdicts for people who watch: which are shown, what is in a line, and what it may cost. */

import { afterEach, describe, expect, test } from "bun:test";
import type { ProxyEvent } from "../../../src/event/event.ts";
import { EventFailure } from "../../../src/event/failure.ts";
import { EventObservers } from "../../../src/event/observer.ts";
import { PLAIN_ALLOW, type Verdict } from "../../../src/event/verdict.ts";
import { EventTail, type TailFilter } from "../../../src/telemetry/event-tail.ts";
import { sampleRequest, sampleResponse } from "../../support/neutral-events.ts";

const EVERYTHING: TailFilter = { decision: null, tag: null, path: null, code: null, linesPerSecond: 1000 };
const BLOCK: Verdict = {
  ...PLAIN_ALLOW,
  decision: { kind: "block", status: 403, body: null },
  audit: { ...PLAIN_ALLOW.audit, tags: ["bot"] },
};
const FAILURE = new EventFailure("guest-trap", "it trapped");

const opened: EventTail[] = [];
afterEach(() => {
  for (const tail of opened.splice(0)) tail.close();
});

function watch(filter: Partial<TailFilter> = {}, takes: () => boolean = () => true) {
  const observers = new EventObservers();
  const lines: Record<string, unknown>[] = [];
  const tail = new EventTail(observers, { ...EVERYTHING, ...filter }, (line) => {
    expect(line).toEndWith("\n");
    if (!takes()) return false;
    lines.push(JSON.parse(line) as Record<string, unknown>);
    return true;
  });
  opened.push(tail);
  const settle = (event: ProxyEvent, verdict: Verdict = PLAIN_ALLOW, failure: EventFailure | null = null) => {
    if (observers.size > 0) observers.onSettled(event, verdict, 12, failure);
  };
  return { observers, lines, tail, settle };
}

describe("a line", () => {
  test("says what was asked, what was answered, and how long it took", () => {
    const { lines, settle } = watch();
    settle(sampleRequest({ id: "a", uri: "/x" }), BLOCK);
    expect(lines).toEqual([
      {
        time: expect.any(String),
        event: "request_headers",
        correlation_id: "a",
        method: "GET",
        path: "/x",
        route: "api",
        decision: "block",
        status: 403,
        tags: ["bot"],
        us: 12,
      },
    ]);
  });

  test("of a response has its status, and of a failure its code", () => {
    const { lines, settle } = watch();
    settle(sampleResponse({ id: "a", status: 502 }), BLOCK, FAILURE);
    expect(lines[0]).toMatchObject({ event: "response_headers", response_status: 502, code: "guest-trap" });
  });

  test("has no query, in which there may be secrets, and no headers", () => {
    const { lines, settle } = watch();
    settle(sampleRequest({ uri: "/x?token=secret", headers: { cookie: ["secret"] } }));
    expect(JSON.stringify(lines)).not.toContain("secret");
  });

  test("is bounded, whatever a client sends", () => {
    const { lines, settle } = watch();
    settle(sampleRequest({ id: "i".repeat(100_000), uri: `/${"u".repeat(100_000)}` }));
    expect(JSON.stringify(lines[0]).length).toBeLessThan(2000);
  });
});

describe("what is shown", () => {
  const all: [ProxyEvent, Verdict, EventFailure | null][] = [
    [sampleRequest({ uri: "/a/1" }), PLAIN_ALLOW, null],
    [sampleRequest({ uri: "/b" }), BLOCK, null],
    [sampleResponse(), BLOCK, FAILURE],
  ];
  test.each([
    [{}, [0, 1, 2]],
    [{ decision: "allow" }, [0]],
    [{ decision: "block" }, [1, 2]],
    [{ decision: "redirect" }, []],
    [{ tag: "bot" }, [1, 2]],
    [{ tag: "other" }, []],
    [{ path: "/a" }, [0]],
    [{ path: "/" }, [0, 1]],
    [{ code: "guest-trap" }, [2]],
    [{ code: "any" }, [2]],
    [{ code: "guest-deadline" }, []],
    [{ decision: "block", path: "/b" }, [1]],
  ] as [Partial<TailFilter>, number[]][])("%j", (filter, shown) => {
    const { lines, settle } = watch(filter);
    all.forEach(([event, verdict, failure], i) => {
      settle({ ...event, correlationId: String(i) }, verdict, failure);
    });
    expect(lines.map((line) => Number(line["correlation_id"]))).toEqual(shown);
  });
});

describe("many events", () => {
  test("are shown up to the rate, and the rest is counted", async () => {
    const { lines, settle } = watch({ linesPerSecond: 50 });
    for (let i = 0; i < 1000; i++) settle(sampleRequest());
    expect(lines).toHaveLength(5);
    while (!lines.some((line) => "left_out" in line)) await Bun.sleep(20);
    expect(lines.find((line) => "left_out" in line)).toEqual({ left_out: 995 });
  });

  test("are decoded in a bounded number, however few have the path", () => {
    let decoded = 0;
    const { settle } = watch({ path: "/nowhere" });
    for (let i = 0; i < 1000; i++) {
      const event = sampleRequest();
      settle({
        ...event,
        toPlain: () => {
          decoded++;
          return event;
        },
      } as ProxyEvent);
    }
    expect(decoded).toBe(100);
  });

  test("that the filter does not want are not decoded at all", () => {
    const { settle } = watch({ decision: "block" });
    settle({
      ...sampleRequest(),
      toPlain: () => {
        throw new Error("decoded");
      },
    } as ProxyEvent);
  });

  test("that the watcher does not read are counted, too", async () => {
    let isReading = false;
    const { lines, settle } = watch({}, () => isReading);
    settle(sampleRequest());
    isReading = true;
    while (lines.length === 0) await Bun.sleep(20);
    expect(lines).toEqual([{ left_out: 1 }]);
  });
});

test("nothing is observed any more once it is closed", () => {
  const { observers, lines, tail, settle } = watch();
  tail.close();
  expect(observers.size).toBe(0);
  settle(sampleRequest());
  expect(lines).toEqual([]);
});
