/** A line of `/tail` for people. Everything in it is other people's text. */

import { escapeInvisible } from "../../telemetry/hostile-text.ts";
import { showMicroseconds } from "../dev/screen/show-duration.ts";
import type { Paint, Style } from "../dev/screen/paint.ts";

interface TailLine {
  readonly left_out?: number;
  readonly time?: string;
  readonly event?: string;
  readonly correlation_id?: string;
  readonly method?: string;
  readonly path?: string;
  readonly response_status?: number;
  readonly decision?: string;
  readonly status?: number;
  readonly code?: string;
  readonly tags?: readonly string[];
  readonly us?: number;
}

const STYLES: Readonly<Record<string, Style>> = { allow: "green", block: "yellow", redirect: "cyan" };
const VERDICT_WIDTH = 13;
const TOOK_WIDTH = 8;

/** Without its end. */
export function tailText(json: string, paint: Paint): string {
  const line = parseLine(json);
  if (line === null) return paint("dim", escapeInvisible(json));
  if (typeof line.left_out === "number") {
    return paint("dim", `… ${line.left_out} more, which --rate left out`);
  }
  const { decision = "", status, code, us = 0 } = line;
  const tags = Array.isArray(line.tags) ? line.tags : [];
  const time = new Date(line.time ?? 0).toTimeString().slice(0, 8);
  const verdict = `${decision}${status === undefined ? "" : ` ${status}`}`.padEnd(VERDICT_WIDTH);
  const notes = [...(code === undefined ? [] : [code]), ...tags].join(" ");
  const style = code === undefined ? (STYLES[decision] ?? "dim") : "red";
  const took = showMicroseconds(Number(us)).padStart(TOOK_WIDTH);
  const parts = [
    paint("dim", time),
    paint(style, escapeInvisible(verdict)),
    took,
    escapeInvisible(titleOf(line)),
  ];
  return `${parts.join("  ")}${notes === "" ? "" : `  ${paint("dim", escapeInvisible(notes))}`}`;
}

function titleOf({ event = "", method, path, response_status, correlation_id }: TailLine): string {
  if (method !== undefined) return `${method} ${path}`;
  const what = response_status === undefined ? event : `response ${response_status}`;
  return `${what} (${correlation_id})`;
}

/** Null for what no agent of this version writes. */
function parseLine(json: string): TailLine | null {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? (value as TailLine) : null;
  } catch {
    return null;
  }
}
