/**
 * Where ways of two segments (`path-costs.ts`) meet. What the code behind costs is known only when the function has been
 * read to its end, so the younger segment's share is settled then.
 */

/** A hostile function may have a join in every byte. */
const maxJoins = 4096;

interface Join {
  readonly younger: number;
  readonly older: number;
  readonly difference: number;
}

export class SegmentJoins {
  readonly #joins: Join[] = [];

  clear(): void {
    this.#joins.length = 0;
  }

  /**
   * `difference`: how much longer the younger segment's way was than the older one's until they met. Returns false when
   * there are too many to keep.
   */
  add(younger: number, older: number, difference: number): boolean {
    const last = this.#joins.at(-1);
    if (last?.younger === younger && last.older === older && last.difference >= difference) return true;
    if (this.#joins.length >= maxJoins) return false;
    this.#joins.push({ younger, older, difference });
    return true;
  }

  /** In the order of the younger ones: what a segment owes to older ones is part of what younger ones owe to it. */
  settle(pay: (younger: number, older: number, difference: number) => void): void {
    this.#joins.sort((one, other) => one.younger - other.younger);
    for (const { younger, older, difference } of this.#joins) pay(younger, older, difference);
  }
}
