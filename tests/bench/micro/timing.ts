/**
 * Times a small function: batches of about a millisecond after a warm-up, the fastest tenth of them counts, because a
 * disturbed batch can only be slower.
 */

const BATCH_MS = 1;

function timed(work: () => void, times: number): number {
  const started = Bun.nanoseconds();
  for (let i = 0; i < times; i++) work();
  return Bun.nanoseconds() - started;
}

export interface TimingLength {
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export const FULL_LENGTH: TimingLength = { warmUpMs: 150, measureMs: 350 };
export const QUICK_LENGTH: TimingLength = { warmUpMs: 30, measureMs: 60 };

/** Nanoseconds a call. */
export function bestOf(work: () => void, { warmUpMs, measureMs }: TimingLength): number {
  let perBatch = 1;
  const warmUntil = Bun.nanoseconds() + warmUpMs * 1e6;
  while (Bun.nanoseconds() < warmUntil) {
    const took = timed(work, perBatch);
    if (took < BATCH_MS * 1e6) perBatch *= 2;
  }
  const batches: number[] = [];
  const until = Bun.nanoseconds() + measureMs * 1e6;
  while (Bun.nanoseconds() < until || batches.length < 10) batches.push(timed(work, perBatch) / perBatch);
  batches.sort((a, b) => a - b);
  return batches[Math.floor(batches.length / 10)] ?? Number.NaN;
}
