import { expect, test } from "bun:test";
import { EVENT_KINDS } from "../../../../src/event/event.ts";
import { PLAIN_ALLOW, type Verdict } from "../../../../src/event/verdict.ts";
import { CellBlock } from "../../../../src/telemetry/metrics/cell-block.ts";
import { EVENT_LABELS, kindIndex } from "../../../../src/telemetry/metrics/event-label.ts";
import { Decider, EventMetrics } from "../../../../src/telemetry/metrics/event-metrics.ts";
import { LoopMetrics } from "../../../../src/telemetry/metrics/loop-metrics.ts";
import { MetricsPage } from "../../../../src/telemetry/metrics/metrics-page.ts";
import { TEXT_FORMAT } from "../../../../src/telemetry/metrics/text-format.ts";

const BLOCK: Verdict = { ...PLAIN_ALLOW, decision: { kind: "block", status: 403, body: null } };

function eventMetrics(): EventMetrics {
  return new EventMetrics(new CellBlock(new Float64Array(EventMetrics.CELLS)));
}

/** Series that are not zero. */
function counted(metrics: { writeTo(page: MetricsPage): void }): string[] {
  const page = new MetricsPage();
  metrics.writeTo(page);
  return TEXT_FORMAT.write(page)
    .split("\n")
    .filter((line) => line.startsWith("wasm_agent_events") && !line.endsWith(" 0"));
}

test("each kind of event has its own label and cells", () => {
  expect(EVENT_KINDS.map(kindIndex)).toEqual(EVENT_KINDS.map((_, index) => index));
  expect(EVENT_LABELS).toContain("request_body_chunk");
});

test("events are counted by kind, decision and who decided", () => {
  const metrics = eventMetrics();
  metrics.count("request-headers", PLAIN_ALLOW, Decider.guest);
  metrics.count("request-headers", PLAIN_ALLOW, Decider.guest);
  metrics.count("response-headers", BLOCK, Decider.failPolicy);
  metrics.count("guardrail-inspect", PLAIN_ALLOW, Decider.none);
  expect(counted(metrics)).toEqual([
    'wasm_agent_events_total{event="request_headers",decision="allow",decided_by="guest"} 2',
    'wasm_agent_events_total{event="response_headers",decision="block",decided_by="fail_policy"} 1',
    'wasm_agent_events_total{event="guardrail_inspect",decision="allow",decided_by="none"} 1',
  ]);
});

test("a frame that is dropped or closed is a block, whatever the other decision says", () => {
  const metrics = eventMetrics();
  metrics.count("websocket-frame", { ...PLAIN_ALLOW, frame: { kind: "drop" } }, Decider.guest);
  metrics.count("websocket-frame", { ...PLAIN_ALLOW, frame: { kind: "allow" } }, Decider.guest);
  expect(metrics.totals).toMatchObject({ others: 2, refused: 1 });
});

test("an answer that could not be sent is counted as what was sent in its place", () => {
  const metrics = eventMetrics();
  metrics.count("request-headers", PLAIN_ALLOW, Decider.guest);
  metrics.recountLast("request-headers", BLOCK);
  expect(metrics.totals).toEqual({ requests: 1, responses: 0, others: 0, refused: 1, failures: 1 });
});

test("all series are there before anything happens", () => {
  const page = new MetricsPage();
  eventMetrics().writeTo(page);
  const series = page.metrics.flatMap((one) => one.series);
  // Kinds by decisions by deciders, a histogram for each kind, and the cancelled ones.
  expect(series.length).toBe(EVENT_LABELS.length * 12 + EVENT_LABELS.length + 1);
});

test("several event loops are added up", () => {
  const loops = [new LoopMetrics(["frame-empty"]), new LoopMetrics(["frame-empty"])];
  for (const loop of loops) {
    loop.events.count("request-headers", BLOCK, Decider.guest);
    loop.events.observeDuration("request-headers", 3);
    loop.connections.refusedFrame("frame-empty");
  }
  const page = new MetricsPage();
  LoopMetrics.sum(loops).writeTo(page);
  const text = TEXT_FORMAT.write(page);
  expect(text).toContain('decision="block",decided_by="guest"} 2\n');
  expect(text).toContain('wasm_agent_event_duration_seconds_count{event="request_headers"} 2\n');
  expect(text).toContain('wasm_agent_frames_refused_total{code="frame-empty"} 2\n');
});
