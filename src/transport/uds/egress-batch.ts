/**
 * Gathers answers and writes them: those of one read together and at once, so that nobody waits for the work of others;
 * in the rush of many connections those of a whole iteration of the event loop, when all its reads are done.
 *
 * Waking a sleeping peer is the most expensive part of an answer on most machines. In a rush, answers written one by one would
 * each wake the proxy anew, between the work of one event and the next; written together, the first one does.
 */

import { FrameWriter } from "./frame-writer.ts";

/** A connection, as far as the batch needs it. */
export interface BatchMember {
  /** Writes bytes to the socket; the view is valid only during the call. Must not append to the batch. */
  deliver(bytes: Buffer): void;
  /** The iteration is over and the batch empty: whatever follows from the delivery can be done now. */
  afterDelivery(): void;
}

/** Beyond this much, waiting for the end of the iteration would only cost memory. */
const FULL_BYTES = 256 * 1024;
/** An iteration in which so many connections were answered is a rush, and most likely the next one, too. */
const RUSH_CONNECTIONS = 24;

export interface EgressBatchOptions {
  /** Calls back once the reads of the iteration are done; an event loop's `setImmediate`. */
  readonly schedule: (flush: () => void) => void;
  /** How many connections are open: with few there is no rush to look for. */
  readonly countConnections: () => number;
}

export class EgressBatch {
  readonly #writer = new FrameWriter();
  readonly #schedule: (flush: () => void) => void;
  readonly #countConnections: () => number;
  readonly #flushLater = () => this.flush();
  #members: BatchMember[] = [];
  /** Where the bytes of each member begin; they end where the next one's begin. */
  #starts: number[] = [];
  /** Those who were written to in this iteration, and are told of its end. */
  #delivered: BatchMember[] = [];
  #reader: BatchMember | null = null;
  #isScheduled = false;
  #isRush = false;

  constructor({ schedule, countConnections }: EgressBatchOptions) {
    this.#schedule = schedule;
    this.#countConnections = countConnections;
  }

  /** From here to `endRead`, answers to this member are answers to what it sent; it need not be told of the iteration's end. */
  beginRead(member: BatchMember): void {
    this.#reader = member;
  }

  /**
   * Answers true when the frame waits for the end of the read or of the iteration, false when a full batch was delivered
   * with it at once.
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
    this.#reader = null;
  }

  /** The end of the iteration. */
  flush(): void {
    this.#deliver();
    this.#isScheduled = false;
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
    if (members.length === 1) {
      members[0]!.deliver(bytes);
    } else {
      const starts = this.#starts;
      for (let i = 0; i < members.length; i++) {
        members[i]!.deliver(bytes.subarray(starts[i], starts[i + 1] ?? bytes.length));
      }
    }
    this.#writer.clear();
    if (this.#isScheduled) this.#delivered.push(...members);
    members.length = 0;
    this.#starts.length = 0;
  }

  #open(member: BatchMember): void {
    if (member !== this.#reader || this.#isRush || this.#countConnections() >= RUSH_CONNECTIONS) {
      this.#scheduleFlush();
    }
    const members = this.#members;
    if (members.length > 0 && members[members.length - 1] === member) return;
    members.push(member);
    this.#starts.push(this.#writer.length);
  }

  #scheduleFlush(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(this.#flushLater);
  }

  #close(): boolean {
    if (this.#writer.length < FULL_BYTES) return true;
    // What follows from it waits: it could hand over the next event while this one's answer is still being given.
    this.#deliver();
    return false;
  }
}
