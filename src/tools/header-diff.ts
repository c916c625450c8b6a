/**
 * What header operations make of the headers they apply to, line by line, as a diff shows it.
 */

import type { HeaderMap } from "../event/event.ts";
import type { HeaderOp } from "../event/header-ops.ts";

export interface HeaderChange {
  readonly kind: "added" | "removed";
  readonly name: string;
  readonly value: string;
}

interface Header {
  /** As it was first written. */
  readonly name: string;
  readonly values: readonly string[];
}

/**
 * Lines that disappear and lines that appear, by header in the order in which operations name them. An operation that
 * changes nothing, such as removing what is not there, has no line.
 */
export function headerDiff(headers: HeaderMap, ops: readonly HeaderOp[]): readonly HeaderChange[] {
  const before = byLowerCaseName(headers);
  const after = new Map(before);
  for (const op of ops) applyOp(after, op);
  const touched = new Set(ops.map(({ name }) => name.toLowerCase()));
  return [...touched].flatMap((key) => changesOf(before.get(key), after.get(key)));
}

function byLowerCaseName(headers: HeaderMap): Map<string, Header> {
  const map = new Map<string, Header>();
  for (const [name, values] of Object.entries(headers)) {
    const same = map.get(name.toLowerCase());
    map.set(name.toLowerCase(), { name, values: [...(same?.values ?? []), ...values] });
  }
  return map;
}

function applyOp(headers: Map<string, Header>, op: HeaderOp): void {
  const key = op.name.toLowerCase();
  if (op.op === "remove") headers.delete(key);
  else if (op.op === "set") headers.set(key, { name: op.name, values: [op.value] });
  else headers.set(key, { name: op.name, values: [...(headers.get(key)?.values ?? []), op.value] });
}

function changesOf(before: Header | undefined, after: Header | undefined): HeaderChange[] {
  const oldValues = before?.values ?? [];
  const newValues = after?.values ?? [];
  const removed = without(oldValues, newValues).map((value) => change("removed", before?.name ?? "", value));
  const added = without(newValues, oldValues).map((value) => change("added", after?.name ?? "", value));
  return [...removed, ...added];
}

/** What is left of `values` when each of `others` takes one equal value away. */
function without(values: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return values.filter((value) => {
    const at = left.indexOf(value);
    if (at !== -1) left.splice(at, 1);
    return at === -1;
  });
}

function change(kind: HeaderChange["kind"], name: string, value: string): HeaderChange {
  return { kind, name, value };
}
