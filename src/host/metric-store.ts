/**
 * Metrics that guests define, summed up over all instances of the process: the values lie in memory that its threads
 * share. Names come from guests and are hostile; what is read out here must be escaped by whoever shows it.
 */

import { SharedLock } from "./shared-lock.ts";

export const METRIC_KINDS = ["counter", "gauge", "histogram"] as const;

export type MetricKind = (typeof METRIC_KINDS)[number];

/** Upper bounds, inclusive, of the buckets of a histogram; there is one more for what is above. */
export const HISTOGRAM_BOUNDS: readonly bigint[] = [
  1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
].map(BigInt);

export type MetricReading =
  | { readonly kind: "counter" | "gauge"; readonly name: string; readonly value: bigint }
  | {
      readonly kind: "histogram";
      readonly name: string;
      readonly count: bigint;
      readonly sum: bigint;
      /** As many as there are bounds, and one; not cumulative. */
      readonly buckets: readonly bigint[];
    };

export type MetricOutcome = "done" | "unknown" | "wrong-kind";

/** A plain value that can be sent to other threads. */
export type MetricMemory = SharedArrayBuffer;

const MAX_METRICS = 2048;
const MAX_NAME_BYTES = 512;
const NAME_BYTES = 512 * 1024;
const Word = { lock: 0, count: 2, nameBytes: 3, entries: 4 } as const;
/** Of an entry: kind, where its name begins, its length. */
const ENTRY_WORDS = 3;
/** Sum, count, buckets; the others use the first alone. */
const ENTRY_VALUES = 2 + HISTOGRAM_BOUNDS.length + 1;
const WORDS = Word.entries + MAX_METRICS * ENTRY_WORDS;
const VALUES_AT = Math.ceil((WORDS * 4) / 8) * 8;
const NAMES_AT = VALUES_AT + MAX_METRICS * ENTRY_VALUES * 8;

export function makeMetricMemory(): MetricMemory {
  return new SharedArrayBuffer(NAMES_AT + NAME_BYTES);
}

export class MetricStore {
  readonly #words: Int32Array;
  readonly #values: BigInt64Array;
  readonly #names: Buffer;
  readonly #lock: SharedLock;
  /** By kind and name, of the metrics that this thread has seen. */
  readonly #ids = new Map<string, number>();

  constructor(memory: MetricMemory) {
    this.#words = new Int32Array(memory, 0, WORDS);
    this.#values = new BigInt64Array(memory, VALUES_AT, MAX_METRICS * ENTRY_VALUES);
    this.#names = Buffer.from(memory as unknown as ArrayBuffer, NAMES_AT, NAME_BYTES);
    this.#lock = new SharedLock(this.#words, Word.lock);
  }

  /** The id of a metric, from 1 on: the same for the same kind and name. Null when there is no room for another one. */
  define(kind: MetricKind, name: string): number | null {
    const key = `${kind} ${name}`;
    const known = this.#ids.get(key) ?? this.#lookUp(key);
    return known ?? this.#make(kind, name, key);
  }

  /** `delta` is signed. A counter takes positive ones only. */
  increment(id: number, delta: bigint): MetricOutcome {
    const kind = this.#kindOf(id);
    if (kind === null) return "unknown";
    if (kind === "histogram" || (kind === "counter" && delta <= 0n)) return "wrong-kind";
    Atomics.add(this.#values, valueAt(id), delta);
    return "done";
  }

  /** A counter adds the value, a gauge takes it, a histogram counts it. */
  record(id: number, value: bigint): MetricOutcome {
    const kind = this.#kindOf(id);
    if (kind === null) return "unknown";
    const at = valueAt(id);
    if (kind === "gauge") Atomics.store(this.#values, at, value);
    else Atomics.add(this.#values, at, value);
    if (kind !== "histogram") return "done";
    Atomics.add(this.#values, at + 1, 1n);
    Atomics.add(this.#values, at + 2 + bucketOf(BigInt.asUintN(64, value)), 1n);
    return "done";
  }

  /** Unsigned. */
  read(id: number): bigint | "unknown" | "wrong-kind" {
    const kind = this.#kindOf(id);
    if (kind === null) return "unknown";
    return kind === "histogram" ? "wrong-kind" : this.#valueOf(valueAt(id));
  }

  list(): readonly MetricReading[] {
    const readings: MetricReading[] = [];
    for (let id = 1; id <= this.#count; id++) readings.push(this.#readingOf(id));
    return readings;
  }

  get #count(): number {
    return Atomics.load(this.#words, Word.count);
  }

  /** Whether another thread has made it meanwhile. */
  #lookUp(key: string): number | undefined {
    for (let id = this.#ids.size + 1; id <= this.#count; id++) {
      this.#ids.set(`${this.#kindOf(id)} ${this.#nameOf(id)}`, id);
    }
    return this.#ids.get(key);
  }

  #make(kind: MetricKind, name: string, key: string): number | null {
    const bytes = Buffer.from(name);
    if (bytes.length > MAX_NAME_BYTES) return null;
    const ticket = this.#lock.acquire();
    try {
      const known = this.#lookUp(key);
      if (known !== undefined) return known;
      const count = this.#count;
      const nameAt = this.#words[Word.nameBytes]!;
      if (count >= MAX_METRICS || nameAt + bytes.length > NAME_BYTES) return null;
      const entry = Word.entries + count * ENTRY_WORDS;
      this.#names.set(bytes, nameAt);
      this.#words[Word.nameBytes] = nameAt + bytes.length;
      this.#words[entry] = METRIC_KINDS.indexOf(kind);
      this.#words[entry + 1] = nameAt;
      this.#words[entry + 2] = bytes.length;
      Atomics.store(this.#words, Word.count, count + 1);
      this.#ids.set(key, count + 1);
      return count + 1;
    } finally {
      this.#lock.release(ticket);
    }
  }

  #kindOf(id: number): MetricKind | null {
    if (id < 1 || id > this.#count) return null;
    return METRIC_KINDS[this.#words[Word.entries + (id - 1) * ENTRY_WORDS]!]!;
  }

  #nameOf(id: number): string {
    const entry = Word.entries + (id - 1) * ENTRY_WORDS;
    const start = this.#words[entry + 1]!;
    return this.#names.toString("utf8", start, start + this.#words[entry + 2]!);
  }

  #valueOf(at: number): bigint {
    return BigInt.asUintN(64, Atomics.load(this.#values, at));
  }

  #readingOf(id: number): MetricReading {
    const kind = this.#kindOf(id)!;
    const name = this.#nameOf(id);
    const at = valueAt(id);
    if (kind !== "histogram") return { kind, name, value: this.#valueOf(at) };
    const buckets: bigint[] = [];
    for (let i = 0; i <= HISTOGRAM_BOUNDS.length; i++) buckets.push(this.#valueOf(at + 2 + i));
    return { kind, name, sum: this.#valueOf(at), count: this.#valueOf(at + 1), buckets };
  }
}

function valueAt(id: number): number {
  return (id - 1) * ENTRY_VALUES;
}

function bucketOf(value: bigint): number {
  const at = HISTOGRAM_BOUNDS.findIndex((bound) => value <= bound);
  return at < 0 ? HISTOGRAM_BOUNDS.length : at;
}
