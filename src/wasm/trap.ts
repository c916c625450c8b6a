/**
 * Turns whatever left a guest call into one typed failure, with the guest's own function names when its module has
 * them.
 */

import { EventFailure } from "../event/failure.ts";
import type { Deadline } from "./deadline.ts";

const MAX_NAMED_FRAMES = 5;
/** The engine appends the host expression that made the call; it means nothing to a module's author. */
const HOST_EXPRESSION = / \(evaluating '[\s\S]*'\)$/;
const GUEST_FRAME = /\.wasm-function\[(.*)\]$/s;

/**
 * @param thrown what a guest export threw
 * @param fatal what an import recorded before it threw (exit, abort): the guest may have replaced the exception
 * @param call the export that was called
 */
export function toEventFailure(
  thrown: unknown,
  fatal: EventFailure | null,
  deadline: Deadline,
  call: string,
): EventFailure {
  if (deadline.hasExpired) return deadlineFailure(deadline, call, thrown);
  if (fatal !== null) return fatal;
  if (thrown instanceof EventFailure) return thrown;
  const where = describeFrames(guestFrames(thrown), call);
  if (thrown instanceof RangeError) {
    return new EventFailure("guest-stack-overflow", `the guest used up its call stack in ${where}`, {
      cause: thrown,
      details: { call },
    });
  }
  const reason =
    thrown instanceof WebAssembly.RuntimeError
      ? thrown.message.replace(HOST_EXPRESSION, "")
      : thrown instanceof Error
        ? `${thrown.name}: ${thrown.message.replace(HOST_EXPRESSION, "")}`
        : "an exception the guest did not catch";
  return new EventFailure("guest-trap", `the guest trapped in ${where}: ${reason}`, {
    cause: thrown,
    details: { call },
  });
}

/** For a call that was stopped, and for one that returned in spite of that. */
export function deadlineFailure(deadline: Deadline, call: string, thrown?: unknown): EventFailure {
  const where = describeFrames(thrown === undefined ? [] : guestFrames(thrown), call);
  return new EventFailure(
    "guest-deadline",
    `the guest was stopped in ${where} after ${deadline.timeoutMs} ms, its time ${deadline.isBudget ? "on the event loop's thread" : "for one event"}`,
    { cause: thrown, details: { call, fuel_slices: deadline.slices }, elapsedMs: deadline.elapsedMs },
  );
}

/** Names (or indices, when the module has no names) of the guest's functions on the stack, innermost first. */
export function guestFrames(thrown: unknown): string[] {
  if (!(thrown instanceof Error)) return [];
  // The printed stack has no guest names in it; the structured call sites do. They are made when `stack` is first read.
  const previous = Error.prepareStackTrace;
  Error.prepareStackTrace = (_error, sites) => sites;
  try {
    const sites: unknown = thrown.stack;
    if (!Array.isArray(sites)) return [];
    const names: string[] = [];
    for (const site of sites as NodeJS.CallSite[]) {
      const match = GUEST_FRAME.exec(site.getFunctionName() ?? "");
      if (match?.[1] !== undefined && match[1] !== "") names.push(match[1]);
    }
    return names;
  } finally {
    Error.prepareStackTrace = previous;
  }
}

function describeFrames(frames: readonly string[], call: string): string {
  if (frames.length === 0) return call;
  const shown = frames
    .slice(0, MAX_NAMED_FRAMES)
    .map((name) => (/^\d+$/.test(name) ? `function ${name}` : name));
  return `${shown.join(" < ")}${frames.length > MAX_NAMED_FRAMES ? " < ..." : ""} (called ${call})`;
}
