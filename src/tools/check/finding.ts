/**
 * One thing `check` found out about a module.
 */

/**
 * - `ok` is as it should be
 * - `note` is worth knowing
 * - `warning` works, but will hurt
 * - `error` cannot be served
 */
export type FindingLevel = "ok" | "note" | "warning" | "error";

export const FINDING_AREAS = ["file", "exports", "imports", "start", "memory", "code", "behaviour"] as const;

export type FindingArea = (typeof FINDING_AREAS)[number];

export interface Finding {
  readonly area: FindingArea;
  /** What it is about, such as an export's name. Stable: scripts may look for it. May hold a guest's own name. */
  readonly subject: string;
  readonly level: FindingLevel;
  /** What was found. */
  readonly message: string;
  /** What to do about it; null where there is nothing to do. */
  readonly advice: string | null;
}

export type MakeFinding = (
  level: FindingLevel,
  subject: string,
  message: string,
  advice?: string | null,
) => Finding;

/** Makes findings of one area. */
export function findingsAbout(area: FindingArea): MakeFinding {
  return (level, subject, message, advice = null) => ({ area, subject, level, message, advice });
}
