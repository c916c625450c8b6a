/**
 * Keeps secrets out of recordings: values of named headers are replaced by a mark, their names stay. What stands in a
 * uri or in a verdict's body is not looked at.
 */

export const REDACTED = "[redacted]";

/** @param names lower case */
export type RedactedNames = ReadonlySet<string>;

export const NOTHING_REDACTED: ReadonlySet<string> = new Set();

export function isRedacted(name: string, names: RedactedNames): boolean {
  return names.size > 0 && names.has(name.toLowerCase());
}
