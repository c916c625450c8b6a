/** The filter of `/tail`, as the query of the request spells it. */

import type { Decision } from "../../event/verdict.ts";
import type { TailFilter } from "../event-tail.ts";

const DECISIONS: readonly string[] = ["allow", "block", "redirect"] satisfies Decision["kind"][];
const DEFAULT_LINES_PER_SECOND = 100;
export const MAX_LINES_PER_SECOND = 1000;

/** The filter, or what is wrong with the query. */
export function readTailFilter(query: URLSearchParams): TailFilter | string {
  const decision = query.get("decision");
  if (decision !== null && !isDecision(decision)) return `decision must be one of ${DECISIONS.join(", ")}`;
  const linesPerSecond = Number(query.get("rate") ?? DEFAULT_LINES_PER_SECOND);
  if (!(linesPerSecond >= 1 && linesPerSecond <= MAX_LINES_PER_SECOND)) {
    return `rate must be a number from 1 to ${MAX_LINES_PER_SECOND}`;
  }
  return {
    decision,
    tag: query.get("tag"),
    path: query.get("path"),
    code: query.get("code"),
    linesPerSecond,
  };
}

function isDecision(text: string): text is Decision["kind"] {
  return DECISIONS.includes(text);
}
