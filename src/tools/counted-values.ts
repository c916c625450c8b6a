/** How often each number came: percentiles of ten million calls without ten million numbers. */

export class CountedValues {
  readonly #counts = new Map<number, number>();
  #total = 0;

  add(value: number): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + 1);
    this.#total++;
  }

  get total(): number {
    return this.#total;
  }

  /** For each part, the smallest value that at least this part of all values does not exceed; 0 without any. */
  percentiles<const P extends readonly number[]>(parts: P): { readonly [I in keyof P]: number } {
    const sorted = [...this.#counts].sort(([a], [b]) => a - b);
    const percentile = (part: number) => {
      let seen = 0;
      for (const [value, count] of sorted) {
        seen += count;
        if (seen >= this.#total * part) return value;
      }
      return 0;
    };
    return parts.map(percentile) as { readonly [I in keyof P]: number };
  }
}
