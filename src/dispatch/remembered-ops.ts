/**
 * Response-header operations that a guest gave while answering *request* headers, kept until the response comes.
 * Proxies up to 0.6.50 drop them at request time (docs/agent-protocol.md 8.2), and the two events of one request arrive
 * on different connections, so this is shared by all.
 *
 * The correlation id is the client's choice and may repeat (docs/agent-protocol.md 6.10): the newest request of an id
 * counts, and an entry serves one response only. Memory is bounded by count, size and age, since a response may never
 * come.
 */

import type { HeaderOp } from "../event/header-ops.ts";

interface Entry {
  readonly ops: readonly HeaderOp[];
  readonly units: number;
  readonly expiresAtMs: number;
}

const MAX_ENTRIES = 16_384;
const MAX_AGE_MS = 5 * 60_000;
/** Longer ids cost more than they are worth; their operations are dropped as the proxy would. */
const MAX_ID_UNITS = 256;
const MAX_OPS = 64;
const MAX_OPS_UNITS = 16 * 1024;
/** All entries together. */
const MAX_TOTAL_UNITS = 16 * 1024 * 1024;

export class RememberedOps {
  /** In order of insertion, so the oldest entry comes first. */
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;
  #units = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Remembers the operations of a request. False when they are too large to keep. */
  remember(correlationId: string, ops: readonly HeaderOp[]): boolean {
    this.#drop(correlationId);
    const opsUnits = unitsOf(ops);
    const units = opsUnits + correlationId.length;
    if (correlationId.length > MAX_ID_UNITS || ops.length > MAX_OPS || opsUnits > MAX_OPS_UNITS) return false;
    const nowMs = this.#now();
    this.#dropOld(nowMs);
    this.#units += units;
    this.#entries.set(correlationId, { ops, units, expiresAtMs: nowMs + MAX_AGE_MS });
    return true;
  }

  /** A new request without operations: what an earlier one of the same id left must not reach its response. */
  forget(correlationId: string): void {
    this.#drop(correlationId);
  }

  /** Takes the operations for a response out; null when there are none. */
  take(correlationId: string): readonly HeaderOp[] | null {
    const entry = this.#entries.get(correlationId);
    if (entry === undefined) return null;
    this.#drop(correlationId);
    return entry.expiresAtMs > this.#now() ? entry.ops : null;
  }

  #dropOld(nowMs: number): void {
    for (const [id, entry] of this.#entries) {
      const isRoom = this.#entries.size < MAX_ENTRIES && this.#units < MAX_TOTAL_UNITS;
      if (entry.expiresAtMs > nowMs && isRoom) return;
      this.#drop(id);
    }
  }

  #drop(correlationId: string): void {
    const entry = this.#entries.get(correlationId);
    if (entry === undefined) return;
    this.#units -= entry.units;
    this.#entries.delete(correlationId);
  }
}

function unitsOf(ops: readonly HeaderOp[]): number {
  let units = 0;
  for (const op of ops) units += op.name.length + (op.op === "remove" ? 0 : op.value.length);
  return units;
}
