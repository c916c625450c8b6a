/**
 * Who gets a prefetched job: the thread it was posted to, or the ring that wants it back. Both may reach for it at the same
 * moment, so it is settled in shared memory: a word holds the ticket of a prefetched job until one of them takes it.
 *
 * There are two words. The prefetched job that begins next may still lie in one when the next one
 * is put on offer in the other.
 */

const WORDS = 2;
const TAKEN = 0;
/** Even, so that the words take turns also when tickets start anew. */
const TICKETS = 0x7fff_fffe;

/** The ring's end. `shared` goes to the thread. */
export class PrefetchOffer {
  readonly shared = new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT);
  readonly #words = new Int32Array(this.shared);
  #ticket: number;

  /** `lastTicket` counts on from there. */
  constructor(lastTicket = 0) {
    this.#ticket = lastTicket;
  }

  /** Offers a prefetched job; only when the one before was withdrawn, or is the next to begin. Returns its ticket. */
  make(): number {
    this.#ticket = ticketAfter(this.#ticket);
    Atomics.store(this.#words, wordOf(this.#ticket), this.#ticket);
    return this.#ticket;
  }

  /** Takes the last offer back. False: the thread was faster. */
  withdraw(): boolean {
    if (!take(this.#words, this.#ticket)) return false;
    // The next offer takes the same word, for the other one may be full.
    this.#ticket = ticketAfter(this.#ticket);
    return true;
  }
}

/** The thread's end. */
export class PrefetchClaim {
  readonly #words: Int32Array;

  constructor(shared: SharedArrayBuffer) {
    this.#words = new Int32Array(shared);
  }

  /** False: the ring took the job back. */
  take(ticket: number): boolean {
    return take(this.#words, ticket);
  }
}

function take(words: Int32Array, ticket: number): boolean {
  return Atomics.compareExchange(words, wordOf(ticket), ticket, TAKEN) === ticket;
}

function wordOf(ticket: number): number {
  return ticket % WORDS;
}

function ticketAfter(ticket: number): number {
  return (ticket % TICKETS) + 1;
}
