/** Lines from a peer, as they come in pieces, for whoever waits for the next one. */

import { MAX_MESSAGE_BYTES } from "./handover-message.ts";

const LINE_END = 0x0a;

export class LineInbox {
  #rest: Buffer = Buffer.alloc(0);
  readonly #lines: string[] = [];
  #waiting: PromiseWithResolvers<string | null> | null = null;
  #isEnded = false;

  /** A peer that sends longer lines than there can be, or more than it may, is not listened to any more. */
  push(chunk: Uint8Array): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (let end = this.#rest.indexOf(LINE_END); end >= 0; end = this.#rest.indexOf(LINE_END)) {
      this.#lines.push(this.#rest.toString("utf8", 0, end));
      this.#rest = this.#rest.subarray(end + 1);
    }
    if (this.#rest.length > MAX_MESSAGE_BYTES || this.#lines.length > 1) this.end();
    this.#deliver();
  }

  /** Nothing more comes. What has come can still be taken. */
  end(): void {
    this.#isEnded = true;
    this.#rest = Buffer.alloc(0);
    this.#deliver();
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** A line that is here already, or null. */
  takeNow(): string | null {
    return this.#lines.shift() ?? null;
  }

  /** The next line; null when none comes in time, or none can come any more. One call at a time. */
  async take(waitMs: number): Promise<string | null> {
    if (this.#lines.length > 0 || this.#isEnded) return this.takeNow();
    const waiting = Promise.withResolvers<string | null>();
    this.#waiting = waiting;
    const timer = setTimeout(() => waiting.resolve(null), waitMs);
    try {
      return await waiting.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting = null;
    }
  }

  #deliver(): void {
    if (this.#waiting === null || (this.#lines.length === 0 && !this.#isEnded)) return;
    this.#waiting.resolve(this.takeNow());
    this.#waiting = null;
  }
}
