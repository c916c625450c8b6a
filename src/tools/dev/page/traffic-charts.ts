/**
 * The last minute on the socket, drawn by hand in SVG: decisions a second as stacked columns, latency as two lines over
 * the same seconds. Pointing at a second tells its numbers.
 */

import type { TrafficSecond } from "../page-messages.ts";
import { showMicroseconds } from "../screen/show-duration.ts";
import { byId, element, svgElement } from "./make-element.ts";

const SECONDS = 60;
const HEIGHT = 170;
const LEFT = 56;
const RIGHT = 6;
const TOP = 8;
const BOTTOM = 20;
const PLOT_HEIGHT = HEIGHT - TOP - BOTTOM;
/** The floor of the latency axis. */
const LEAST_US = 1;
const MIN_DECADES = 3;
const KINDS = ["allow", "block", "redirect", "failed"] as const;
const LINES = [
  { key: "p50Us", name: "p50", words: "half are faster" },
  { key: "p99Us", name: "p99", words: "1 in 100 is slower" },
] as const;

/** A vertical axis: where values stand, from 0 at the bottom to 1 at the top, and which are written beside it. */
interface Axis {
  readonly place: (value: number) => number;
  readonly marks: readonly number[];
  readonly show: (value: number) => string;
}

interface Slot {
  readonly second: number;
  /** Null for a second without events. */
  readonly traffic: TrafficSecond | null;
}

export class TrafficCharts {
  readonly #seconds = new Map<number, TrafficSecond>();
  readonly #decisions = byId("decisions-chart", HTMLElement);
  readonly #decisionsNote = byId("decisions-note", HTMLElement);
  readonly #decisionsLegend = byId("decisions-legend", HTMLElement);
  readonly #latency = byId("latency-chart", HTMLElement);
  readonly #latencyNote = byId("latency-note", HTMLElement);
  readonly #latencyLegend = byId("latency-legend", HTMLElement);
  #nowSecond = Math.floor(Date.now() / 1000);
  #pointedSlot: number | null = null;

  constructor() {
    const onResize = new ResizeObserver(() => this.#draw());
    for (const chart of [this.#decisions, this.#latency]) {
      chart.addEventListener("pointermove", (event) => this.#point(chart, event.clientX));
      chart.addEventListener("pointerleave", () => this.#point(chart, null));
      onResize.observe(chart);
    }
  }

  reset(nowMs: number, seconds: readonly TrafficSecond[]): void {
    this.#seconds.clear();
    this.add(nowMs, seconds);
  }

  add(nowMs: number, seconds: readonly TrafficSecond[]): void {
    this.#nowSecond = Math.floor(nowMs / 1000);
    for (const traffic of seconds) this.#seconds.set(traffic.second, traffic);
    for (const second of this.#seconds.keys()) {
      if (second <= this.#nowSecond - SECONDS) this.#seconds.delete(second);
    }
    this.#draw();
  }

  #point(chart: HTMLElement, clientX: number | null): void {
    const box = chart.getBoundingClientRect();
    const plotWidth = box.width - LEFT - RIGHT;
    const x = clientX === null ? -1 : clientX - box.left - LEFT;
    const slot = x < 0 || x >= plotWidth ? null : Math.floor((x / plotWidth) * SECONDS);
    if (slot === this.#pointedSlot) return;
    this.#pointedSlot = slot;
    this.#draw();
  }

  #draw(): void {
    const slots: Slot[] = [];
    for (let i = 0; i < SECONDS; i++) {
      const second = this.#nowSecond - SECONDS + 1 + i;
      slots.push({ second, traffic: this.#seconds.get(second) ?? null });
    }
    const pointed = this.#pointedSlot === null ? null : (slots[this.#pointedSlot] ?? null);
    this.#drawDecisions(slots, pointed);
    this.#drawLatency(slots, pointed);
  }

  #drawDecisions(slots: readonly Slot[], pointed: Slot | null): void {
    const totals = { allow: 0, block: 0, redirect: 0, failed: 0 };
    let highest = 0;
    for (const { traffic } of slots) {
      if (traffic === null) continue;
      for (const kind of KINDS) totals[kind] += traffic[kind];
      highest = Math.max(highest, totalOf(traffic));
    }
    const axis = countAxis(highest);
    const step = stepOf(this.#decisions);
    const columns = slots.flatMap(({ traffic }, i) =>
      traffic === null ? [] : stackedColumn(traffic, i, step, axis),
    );
    const summary = KINDS.map((kind) => `${totals[kind].toLocaleString("en")} ${kind}`).join(", ");
    this.#decisions.replaceChildren(
      frame(`Decisions of the last minute: ${summary}`, step, axis, [
        ...(columns.length === 0 ? [emptyText(step)] : columns),
        ...this.#pointer(step),
      ]),
    );
    this.#decisionsLegend.replaceChildren(
      ...KINDS.map((kind) => legendItem(kind, `${kind} ${totals[kind].toLocaleString("en")}`)),
    );
    this.#decisionsNote.textContent =
      pointed === null
        ? "a second, over the last minute"
        : `${clockTime(pointed.second)}: ${pointed.traffic === null ? "none" : describe(pointed.traffic)}`;
  }

  #drawLatency(slots: readonly Slot[], pointed: Slot | null): void {
    const axis = latencyAxis(slots);
    const step = stepOf(this.#latency);
    const lines = LINES.flatMap(({ key, name }) => latencyLine(slots, key, name, step, axis));
    const last = slots.findLast(({ traffic }) => traffic !== null)?.traffic ?? null;
    this.#latency.replaceChildren(
      frame(`Latency, most recently: ${latencyText(last)}`, step, axis, [
        ...(lines.length === 0 ? [emptyText(step)] : lines),
        ...this.#pointer(step),
      ]),
    );
    this.#latencyLegend.replaceChildren(
      ...LINES.map(({ name, words }) => legendItem(name, `${name}, ${words}`)),
    );
    this.#latencyNote.textContent =
      pointed === null ? latencyText(last) : `${clockTime(pointed.second)}: ${latencyText(pointed.traffic)}`;
  }

  #pointer(step: number): Node[] {
    if (this.#pointedSlot === null) return [];
    const x = LEFT + this.#pointedSlot * step;
    return [svgElement("rect", { class: "pointer", x, y: TOP, width: step, height: PLOT_HEIGHT })];
  }
}

/** Pixels of one second. The drawing is as wide as its place, so that its letters keep their size. */
function stepOf(chart: HTMLElement): number {
  return Math.max(1, (chart.clientWidth - LEFT - RIGHT) / SECONDS);
}

/** From 0 to a round number not far above `highest`, whose half is a whole number, too. */
function countAxis(highest: number): Axis {
  const wanted = Math.max(4, highest);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const tops = [1, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * power);
  const top = tops.find((value) => value >= wanted && value % 2 === 0) ?? 10 * power;
  return {
    place: (value) => value / top,
    marks: [0, top / 2, top],
    show: (value) => value.toLocaleString("en"),
  };
}

/** In powers of ten: one slow event must not flatten all the others. */
function latencyAxis(slots: readonly Slot[]): Axis {
  const highest = Math.max(LEAST_US, ...slots.map(({ traffic }) => traffic?.p99Us ?? 0));
  const decades = Math.max(MIN_DECADES, Math.ceil(Math.log10(highest / LEAST_US)));
  return {
    place: (value) => Math.log10(Math.max(LEAST_US, value) / LEAST_US) / decades,
    marks: Array.from({ length: decades + 1 }, (_, i) => LEAST_US * 10 ** i),
    show: (value) => (value < 1000 ? `${value} µs` : value < 1e6 ? `${value / 1000} ms` : `${value / 1e6} s`),
  };
}

function yOf(axis: Axis, value: number): number {
  return TOP + PLOT_HEIGHT * (1 - Math.min(1, axis.place(value)));
}

function frame(label: string, step: number, axis: Axis, content: readonly Node[]): SVGElement {
  const right = LEFT + step * SECONDS;
  const marks = axis.marks.flatMap((value) => {
    const y = yOf(axis, value);
    return [
      svgElement("line", { class: "grid", x1: LEFT, x2: right, y1: y, y2: y }),
      svgElement("text", { class: "axis", x: LEFT - 8, y: y + 4, "text-anchor": "end" }, axis.show(value)),
    ];
  });
  const times = [60, 30, 0].map((ago) => {
    const x = right - ago * step;
    const anchor = ago === 60 ? "start" : ago === 0 ? "end" : "middle";
    const text = ago === 0 ? "now" : `${ago} s ago`;
    return svgElement("text", { class: "axis", x, y: HEIGHT - 4, "text-anchor": anchor }, text);
  });
  const attributes = { width: right + RIGHT, height: HEIGHT, role: "img", "aria-label": label };
  return svgElement("svg", attributes, ...marks, ...times, ...content);
}

function stackedColumn(traffic: TrafficSecond, slot: number, step: number, axis: Axis): Node[] {
  let y = TOP + PLOT_HEIGHT;
  const parts: Node[] = [];
  for (const kind of KINDS) {
    if (traffic[kind] === 0) continue;
    // A single failure among thousands of others must not vanish.
    const height = Math.max(1.5, axis.place(traffic[kind]) * PLOT_HEIGHT);
    y -= height;
    const width = Math.max(1, step - 2);
    parts.push(
      svgElement("rect", { class: kind, x: LEFT + slot * step + (step - width) / 2, y, width, height }),
    );
  }
  return parts;
}

/** Seconds without events break the line; one alone is a dot. */
function latencyLine(
  slots: readonly Slot[],
  key: "p50Us" | "p99Us",
  name: string,
  step: number,
  axis: Axis,
): Node[] {
  const parts: Node[] = [];
  let points: (readonly [number, number])[] = [];
  const end = () => {
    const [only] = points;
    if (points.length === 1 && only !== undefined) {
      parts.push(svgElement("circle", { class: `dot ${name}`, cx: only[0], cy: only[1], r: 2 }));
    } else if (points.length > 1) {
      const path = points.map((point) => point.join(",")).join(" ");
      parts.push(svgElement("polyline", { class: `curve ${name}`, points: path }));
    }
    points = [];
  };
  for (const [i, { traffic }] of slots.entries()) {
    if (traffic === null) end();
    else points.push([LEFT + (i + 0.5) * step, yOf(axis, traffic[key])]);
  }
  end();
  return parts;
}

function emptyText(step: number): Node {
  const x = LEFT + (step * SECONDS) / 2;
  // Between the lines of both axes.
  const y = TOP + (PLOT_HEIGHT * 5) / 12 + 5;
  const attributes = { class: "none", x, y, "text-anchor": "middle" };
  return svgElement("text", attributes, "No events in the last minute");
}

function legendItem(name: string, text: string): Node {
  const swatch = element("span", { class: `swatch ${name}`, attributes: { "aria-hidden": "true" } });
  return element("li", {}, swatch, text);
}

function describe(traffic: TrafficSecond): string {
  return KINDS.filter((kind) => traffic[kind] > 0)
    .map((kind) => `${traffic[kind].toLocaleString("en")} ${kind}`)
    .join(", ");
}

function latencyText(traffic: TrafficSecond | null): string {
  if (traffic === null) return "no events";
  return LINES.map(({ key, name }) => `${name} ${showMicroseconds(traffic[key])}`).join(" · ");
}

function totalOf(traffic: TrafficSecond): number {
  return traffic.allow + traffic.block + traffic.redirect + traffic.failed;
}

function clockTime(second: number): string {
  return new Date(second * 1000).toTimeString().slice(0, 8);
}
