/**
 * The clock of one event loop. A reading costs as much as all counting of an event, so within a read of a socket everybody
 * goes on from the last reading, which is that of the event before.
 */

export class ReadClock {
  #readAtMs = 0;
  #latestMs = 0;
  #isInRead = false;

  /** When the read began whose frames are being handled; milliseconds on the monotonic clock, as all that follow. */
  get readAtMs(): number {
    return this.#readAtMs;
  }

  /** The frames of one read of a socket are handled from here to `endRead`, and nothing else is. */
  beginRead(): void {
    this.#readAtMs = this.read();
    this.#isInRead = true;
  }

  endRead(): void {
    this.#isInRead = false;
  }

  /** A new reading. Whoever has worked for long within a read takes one, so that the next event does not pay for it. */
  read(): number {
    this.#latestMs = performance.now();
    return this.#latestMs;
  }

  /** The latest reading within a read, a new one outside. */
  get latestMs(): number {
    return this.#isInRead ? this.#latestMs : this.read();
  }
}
