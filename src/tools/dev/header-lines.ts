/**
 * All headers of an event with what a verdict makes of them, line by line: the author's header diff with its
 * surroundings.
 */

import { headerDiff } from "../header-diff.ts";
import type { HeaderMap } from "../../event/event.ts";
import type { HeaderOp } from "../../event/header-ops.ts";
import type { DiffLine } from "./page-messages.ts";

/** In the order of the headers, new ones at the end. Null for headers nobody knows yet: a response that has not come. */
export function headerLines(headers: HeaderMap | null, ops: readonly HeaderOp[]): DiffLine[] {
  if (headers === null) return ops.map(lineOfOp);
  const changes = Map.groupBy(headerDiff(headers, ops), ({ name }) => name.toLowerCase());
  const lines: DiffLine[] = [];
  for (const [name, values] of Object.entries(headers)) {
    const own = changes.get(name.toLowerCase()) ?? [];
    changes.delete(name.toLowerCase());
    const removed = own.filter(({ kind }) => kind === "removed").map(({ value }) => value);
    for (const value of values) {
      const at = removed.indexOf(value);
      if (at !== -1) removed.splice(at, 1);
      lines.push({ mark: at === -1 ? "same" : "removed", name, value });
    }
    for (const change of own) if (change.kind === "added") lines.push(added(change.name, change.value));
  }
  for (const { name, value } of [...changes.values()].flat()) lines.push(added(name, value));
  return lines;
}

function lineOfOp(op: HeaderOp): DiffLine {
  return op.op === "remove" ? { mark: "removed", name: op.name, value: null } : added(op.name, op.value);
}

function added(name: string, value: string): DiffLine {
  return { mark: "added", name, value };
}
