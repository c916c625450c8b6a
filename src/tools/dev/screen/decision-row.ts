/** One event as one line of the terminal's table, what the guest wrote below it. */

import { escapeInvisible } from "../../../telemetry/hostile-text.ts";
import type { EventRecord } from "../event-history.ts";
import type { EventRow } from "../page-messages.ts";
import type { Paint, Style } from "./paint.ts";
import { showMicroseconds } from "./show-duration.ts";

const DECISION_WIDTH = 12;
const TIME_WIDTH = 8;
const INDENT = " ".repeat(TIME_WIDTH + 2);
const MAX_LOG_LINES = 12;

const STYLES = {
  allow: "green",
  block: "yellow",
  redirect: "cyan",
} as const satisfies Record<EventRow["decision"], Style>;

export function tableHead(paint: Paint): string {
  return paint(
    "dim",
    `${"time".padEnd(TIME_WIDTH)}  ${"verdict".padEnd(DECISION_WIDTH)}  ${"took".padStart(8)}  event`,
  );
}

/** Lines without their ends, none wider than `columns`. */
export function decisionRow(record: EventRecord, columns: number, paint: Paint): string[] {
  const { row, failure, log } = record;
  const verdict = row.failureCode === null ? `${row.decision} ${row.status ?? ""}`.trim() : "failed";
  const style = row.failureCode === null ? STYLES[row.decision] : "red";
  const head = `${clockTime(row.atMs)}  `;
  const took = showMicroseconds(row.us).padStart(8);
  const used = TIME_WIDTH + 2 + DECISION_WIDTH + 2 + 8 + 2;
  const note = noteOf(row);
  const title = cut(
    escapeInvisible(row.title),
    Math.max(20, columns - used - (note === "" ? 0 : note.length + 2)),
  );
  const noteShown =
    note === "" ? "" : `  ${paint("dim", cut(note, Math.max(0, columns - used - title.length - 2)))}`;
  const lines = [
    `${paint("dim", head)}${paint(style, verdict.padEnd(DECISION_WIDTH))}  ${paint("dim", took)}  ${title}${noteShown}`,
  ];
  if (failure !== null) {
    lines.push(
      INDENT +
        paint("red", cut(escapeInvisible(`${failure.code}: ${failure.message}`), columns - INDENT.length)),
    );
  }
  for (const { level, text } of log.slice(0, MAX_LOG_LINES)) {
    const shown = cut(escapeInvisible(text), columns - INDENT.length - 2);
    lines.push(`${INDENT}${paint("dim", "│")} ${level === "error" ? paint("red", shown) : shown}`);
  }
  if (log.length > MAX_LOG_LINES)
    lines.push(`${INDENT}${paint("dim", `│ ${log.length - MAX_LOG_LINES} more lines`)}`);
  return lines;
}

export function clockTime(atMs: number): string {
  return new Date(atMs).toTimeString().slice(0, TIME_WIDTH);
}

function noteOf(row: EventRow): string {
  const changes = row.headerChanges;
  const parts = row.failureCode === null ? [...row.effects, ...row.tags] : [];
  if (changes > 0) parts.push(changes === 1 ? "1 header" : `${changes} headers`);
  return escapeInvisible(parts.join(", "));
}

/** At most `width` columns of a terminal, where some characters are two wide. */
export function cut(text: string, width: number): string {
  if (Bun.stringWidth(text) <= width) return text;
  if (width < 1) return "";
  let kept = "";
  let used = 1;
  for (const character of text) {
    used += Bun.stringWidth(character);
    if (used > width) break;
    kept += character;
  }
  return `${kept}…`;
}
