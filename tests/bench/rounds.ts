/**
 * The way two things are compared fairly on a noisy machine: every variant runs once a round in a fresh process, the
 * order turns round with every round, ratios are taken within a round, and the median of them counts.
 */

export interface Variant<T> {
  readonly name: string;
  measure(): Promise<T>;
}

export interface Series<T> {
  readonly name: string;
  /** One entry a round; null where the variant failed. */
  readonly runs: readonly (T | null)[];
  readonly failure: string | null;
}

export async function runRounds<T>(
  variants: readonly Variant<T>[],
  rounds: number,
  progress: (line: string) => void,
): Promise<Series<T>[]> {
  const runs = variants.map((): (T | null)[] => []);
  const failures = variants.map((): string | null => null);
  const forth = variants.map((variant, index) => ({ variant, index }));
  for (let round = 0; round < rounds; round++) {
    for (const { variant, index } of round % 2 === 0 ? forth : forth.toReversed()) {
      // What failed once is not tried again: an agent that does not start costs the whole ready timeout.
      if (failures[index] !== null) {
        runs[index]?.push(null);
        continue;
      }
      progress(`round ${round + 1} of ${rounds}: ${variant.name}`);
      try {
        runs[index]?.push(await variant.measure());
      } catch (error) {
        failures[index] = error instanceof Error ? error.message : String(error);
        runs[index]?.push(null);
      }
    }
  }
  return variants.map(({ name }, index) => ({
    name,
    runs: runs[index] ?? [],
    failure: failures[index] ?? null,
  }));
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? null)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** The median of a figure over the rounds of one variant. */
export function medianOf<T>(
  series: Series<T> | undefined,
  figure: (run: T) => number | undefined,
): number | null {
  const values: number[] = [];
  for (const run of series?.runs ?? []) {
    const value = run === null ? undefined : figure(run);
    if (value !== undefined) values.push(value);
  }
  return median(values);
}

/** The median over the rounds of combine(figure of a, figure of b), by default of a's figure divided by b's. */
export function pairedMedian<T>(
  a: Series<T> | undefined,
  b: Series<T> | undefined,
  figure: (run: T) => number,
  combine: (left: number, right: number) => number = (left, right) => left / right,
): number | null {
  const values: number[] = [];
  for (let round = 0; round < (a?.runs.length ?? 0); round++) {
    const left = a?.runs[round];
    const right = b?.runs[round];
    if (left != null && right != null) values.push(combine(figure(left), figure(right)));
  }
  return median(values);
}

/** The round whose figure is nearest to the median: the one a chart shows. */
export function typicalRun<T>(series: Series<T>, figure: (run: T) => number): T | null {
  const middle = medianOf(series, figure);
  if (middle === null) return null;
  let best: T | null = null;
  for (const run of series.runs) {
    if (run === null) continue;
    if (best === null || Math.abs(figure(run) - middle) < Math.abs(figure(best) - middle)) best = run;
  }
  return best;
}

/** The variants that failed, and why. */
export function failuresOf<T>(series: readonly Series<T>[]): { variant: string; reason: string }[] {
  return series.flatMap(({ name, failure }) =>
    failure === null ? [] : [{ variant: name, reason: failure }],
  );
}
