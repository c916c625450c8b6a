/**
 * Finds what somebody probably meant to type.
 */

/**
 * The candidate that takes the fewest typing errors to become `typed`, if those are few enough for its length. Spelling
 * with capitals or underscores (`poolSize`, `pool_size`) is no error, and an unmistakable beginning is enough (`pool`).
 */
export function nearestName(typed: string, candidates: readonly string[]): string | null {
  const wanted = toKebabCase(typed);
  if (wanted === "") return null;
  let nearest: string | null = null;
  let fewest = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const errors = countTypingErrors(wanted, candidate);
    if (errors < fewest) {
      nearest = candidate;
      fewest = errors;
    }
  }
  if (nearest !== null) return nearest;
  const longer = candidates.filter((candidate) => candidate.startsWith(wanted));
  return longer.length === 1 ? (longer[0] ?? null) : null;
}

function toKebabCase(text: string): string {
  return text
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();
}

/** Characters left out, added, exchanged, or swapped with their neighbour (optimal string alignment distance). */
function countTypingErrors(typed: string, meant: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: meant.length + 1 }, (_, column) => column);
  for (let row = 1; row <= typed.length; row++) {
    const current = [row];
    for (let column = 1; column <= meant.length; column++) {
      const same = typed[row - 1] === meant[column - 1];
      let errors = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      const swapped = typed[row - 1] === meant[column - 2] && typed[row - 2] === meant[column - 1];
      if (swapped && row > 1 && column > 1) errors = Math.min(errors, beforeLast[column - 2]! + 1);
      current.push(errors);
    }
    beforeLast = last;
    last = current;
  }
  return last[meant.length]!;
}
