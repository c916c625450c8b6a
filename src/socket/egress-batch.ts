/**
 * Gathers answers and writes them: those of one read together and at once, so that nobody waits for the work of others;
 * in the rush of many connections those of a whole turn of the event loop, when every read of the turn is done.
 *
 * Waking a sleeping peer is the dearest part of an answer on most machines. In a rush, answers written one by one would
 * each wake the proxy anew, between the work of one event and the next; written together, the first one does.
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
/** A turn in which so many connections were answered is a rush, and most likely the next one, too. */
const RUSH_CONNECTIONS = 24;

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
  #isRush = false;

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

  /** All frames of one read are answered, as far as they can be at once. */
  endRead(): void {
    if (!this.#isRush) this.#deliver();
  }

  /** The end of the turn. */
  flush(): void {
    this.#isScheduled = false;
    this.#deliver();
    const delivered = this.#delivered;
    this.#isRush = delivered.length >= RUSH_CONNECTIONS;
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
    if (this.#delivered.length === 0) this.#delivered = members;
    else this.#delivered.push(...members);
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
