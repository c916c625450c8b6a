/**
 * The answers of one turn of the event loop, for all connections, written when every read of the turn is done.
 *
 * Waking a sleeping peer is the dearest part of an answer on most machines. Written one by one, between the work of one
 * event and the next, each answer wakes the proxy anew; written together, the first one does.
 */

import { FrameWriter } from "../framing/frame-writer.ts";

/** A connection, as far as the batch needs it. */
export interface BatchMember {
  /** Writes bytes to the socket; the view is valid only during the call. Must not append to the batch. */
  deliver(bytes: Buffer): void;
  /** The turn is over and the batch empty: whatever follows from the delivery can be done now. */
  afterDelivery(): void;
}

/** Beyond this much, waiting for the end of the turn would only cost memory. */
const FULL_BYTES = 256 * 1024;

export class EgressBatch {
  readonly #writer = new FrameWriter();
  readonly #schedule: (flush: () => void) => void;
  readonly #flushLater = () => this.flush();
  #members: BatchMember[] = [];
  /** Those who were written to in this turn. */
  #delivered: BatchMember[] = [];
  /** Where the bytes of each member begin; they end where the next one's begin. */
  #starts: number[] = [];
  #isScheduled = false;

  /** `schedule` calls back once the reads of the turn are done; an event loop's `setImmediate`. */
  constructor(schedule: (flush: () => void) => void) {
    this.#schedule = schedule;
  }

  /**
   * Answers true when the frame waits for the end of the turn, false when a full batch was delivered with it at once.
   * Throws FrameError as FrameWriter does; nothing is appended then.
   */
  appendText(member: BatchMember, type: number, text: string, maxFrameBytes: number): boolean {
    this.#open(member);
    this.#writer.appendText(type, text, maxFrameBytes);
    return this.#close();
  }

  /** As `appendText`; the bytes are copied. */
  appendBytes(member: BatchMember, type: number, bytes: Uint8Array, maxFrameBytes: number): boolean {
    this.#open(member);
    this.#writer.appendBytes(type, bytes, maxFrameBytes);
    return this.#close();
  }

  flush(): void {
    this.#isScheduled = false;
    this.#deliver();
    const delivered = this.#delivered;
    if (delivered.length === 0) return;
    this.#delivered = [];
    for (const member of delivered) member.afterDelivery();
  }

  #deliver(): void {
    const members = this.#members;
    if (members.length === 0) return;
    const bytes = this.#writer.view();
    const starts = this.#starts;
    for (let i = 0; i < members.length; i++) {
      members[i]!.deliver(bytes.subarray(starts[i], starts[i + 1] ?? bytes.length));
    }
    this.#writer.clear();
    this.#members = [];
    this.#starts = [];
    this.#delivered = this.#delivered.length === 0 ? members : [...this.#delivered, ...members];
  }

  #open(member: BatchMember): void {
    if (this.#members.at(-1) === member) return;
    this.#members.push(member);
    this.#starts.push(this.#writer.length);
  }

  #close(): boolean {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      this.#schedule(this.#flushLater);
    }
    if (this.#writer.length < FULL_BYTES) return true;
    // What follows from it waits: it could ask the next question while this one's answer is still being given.
    this.#deliver();
    return false;
  }
}
