/** The last line of the terminal: what was decided so far, how long it took lately, and which keys do something. */

import type { TrafficKind } from "../traffic.ts";
import { cut } from "./decision-row.ts";
import type { Paint, Style } from "./paint.ts";
import { showMicroseconds } from "./show-duration.ts";

export interface FooterFacts {
  readonly totals: Readonly<Record<TrafficKind, number>>;
  /** Of the last second with events; null when that is a while ago. */
  readonly latency: { readonly p50Us: number; readonly p99Us: number } | null;
  readonly hasKeys: boolean;
}

const KINDS: readonly (readonly [TrafficKind, Style])[] = [
  ["allow", "green"],
  ["block", "yellow"],
  ["redirect", "cyan"],
  ["failed", "red"],
];
const LONG_KEYS = "o playground  r rebuild  c clear  q quit";
const SHORT_KEYS = "o r c q";
const LEAST_GAP = 3;

/** As much as fits in `columns`: counts that are not zero come before the others, the latency before the keys. */
export function footer({ totals, latency, hasKeys }: FooterFacts, columns: number, paint: Paint): string {
  const sum = sumOf(totals);
  const all = [sum, ...countsOf(totals, () => true)];
  const some = [sum, ...countsOf(totals, (count) => count > 0)];
  const times = latency === null ? [] : timesOf(latency);
  const parts = [[...all, ...times], [...some, ...times], some].find((list) => widthOf(list) <= columns);
  if (parts === undefined) return paint("bold", cut(sum[1], columns));
  const shown = parts.map(([style, text]) => (style === null ? text : paint(style, text)));
  const left = shown.join(paint("dim", SEPARATOR));
  const free = columns - widthOf(parts);
  const keys = hasKeys ? [LONG_KEYS, SHORT_KEYS].find(({ length }) => length + LEAST_GAP <= free) : undefined;
  return keys === undefined ? left : `${left}${" ".repeat(free - keys.length)}${paint("dim", keys)}`;
}

type Part = readonly [style: Style | null, text: string];

const SEPARATOR = " · ";

function sumOf(totals: FooterFacts["totals"]): Part {
  const sum = KINDS.reduce((total, [kind]) => total + totals[kind], 0);
  return ["bold", sum === 1 ? "1 event" : `${sum.toLocaleString("en")} events`];
}

function countsOf(totals: FooterFacts["totals"], isShown: (count: number) => boolean): readonly Part[] {
  return KINDS.filter(([kind]) => isShown(totals[kind])).map(([kind, style]) => [
    totals[kind] === 0 ? "dim" : style,
    `${totals[kind].toLocaleString("en")} ${kind}`,
  ]);
}

function timesOf({ p50Us, p99Us }: NonNullable<FooterFacts["latency"]>): readonly Part[] {
  return [
    [null, `p50 ${showMicroseconds(p50Us)}`],
    [null, `p99 ${showMicroseconds(p99Us)}`],
  ];
}

function widthOf(parts: readonly Part[]): number {
  return parts.reduce((width, [, text]) => width + text.length, SEPARATOR.length * (parts.length - 1));
}
