/** What the readers of a guest's result share: how a value that is not what it should be is told to the author. */

import { EventFailure } from "../../event/failure.ts";

export type Result = Readonly<Record<string, unknown>>;

/** `null` for an optional key counts as absent. */
export function present(value: unknown): unknown {
  return value === undefined ? null : value;
}

export function wrongShape(key: string, expected: string, value: unknown): EventFailure {
  return new EventFailure("guest-result-shape", `${key} must be ${expected}, got ${describe(value)}`);
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  return typeof value === "string" ? `the string ${quote(value)}` : `the ${typeof value} ${String(value)}`;
}

const MAX_QUOTED_UNITS = 64;

export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED_UNITS ? `${text.slice(0, MAX_QUOTED_UNITS)}...` : text);
}
