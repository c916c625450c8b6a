/**
 * A lock between threads, for work of microseconds. A thread that was ended while it held the lock never gives it back,
 * so after a while the lock is taken from it: whatever it protects must be valid after each single store.
 */

const FREE = 0;
const SPINS = 200;
const WAIT_MS = 1;
/** No holder takes so long, unless its thread is gone. */
const MAX_HELD_MS = 1000;

export class SharedLock {
  readonly #words: Int32Array;
  readonly #at: number;
  /** Counts up with each time that somebody takes the lock, so that a holder can be told from the next one. */
  readonly #ticketAt: number;

  /** Uses the words `at` and `at + 1`. */
  constructor(words: Int32Array, at: number) {
    this.#words = words;
    this.#at = at;
    this.#ticketAt = at + 1;
  }

  /** Returns the ticket to `release` with. */
  acquire(): number {
    const ticket = (Atomics.add(this.#words, this.#ticketAt, 1) + 1) | 0 || 1;
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.compareExchange(this.#words, this.#at, FREE, ticket) === FREE) return ticket;
    }
    return this.#wait(ticket);
  }

  /** Does nothing when the lock was taken away meanwhile. */
  release(ticket: number): void {
    if (Atomics.compareExchange(this.#words, this.#at, ticket, FREE) === ticket) {
      Atomics.notify(this.#words, this.#at, 1);
    }
  }

  #wait(ticket: number): number {
    let holder = Atomics.load(this.#words, this.#at);
    let sinceMs = performance.now();
    for (;;) {
      const seen = Atomics.compareExchange(this.#words, this.#at, FREE, ticket);
      if (seen === FREE) return ticket;
      const nowMs = performance.now();
      if (seen !== holder) {
        holder = seen;
        sinceMs = nowMs;
      } else if (nowMs - sinceMs > MAX_HELD_MS) {
        if (Atomics.compareExchange(this.#words, this.#at, seen, ticket) === seen) return ticket;
      }
      Atomics.wait(this.#words, this.#at, seen, WAIT_MS);
    }
  }
}
