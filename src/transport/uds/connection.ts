/**
 * One peer: bytes in, frames to the protocol, answers out. Knows nothing of what frames mean.
 *
 * All frames of one read are answered with one write. A peer that does not read its answers is not read from either,
 * once its queue is full; so nothing grows without bound.
 */

import type { Socket } from "bun";
import { FrameError } from "../frame-error.ts";
import type { FrameHandler, FrameHandlerFactory, FrameOutbox } from "../frame-handler.ts";
import { V2_MAX_FRAME_BYTES } from "../frame-limits.ts";
import { FrameReader } from "./frame-reader.ts";
import type { Log } from "../../telemetry/log.ts";
import type { BatchMember, EgressBatch } from "./egress-batch.ts";
import { EgressQueue } from "./egress-queue.ts";

/** What all connections of one event loop share. */
export interface ConnectionContext {
  readonly log: Log;
  readonly chooseProtocol: FrameHandlerFactory;
  readonly egress: EgressBatch;
  onClose(connection: Connection): void;
}

/** Above either, the peer is not read from until its queue is below both again. */
const MAX_QUEUED_BYTES = 1024 * 1024;
const MAX_QUEUED_PARTS = 1024;
/** A peer that never reads while answers still come in from slow guests is cut off here. */
const MAX_QUEUED_BYTES_HARD = 64 * 1024 * 1024;

export class Connection implements FrameOutbox, BatchMember {
  readonly #socket: Socket<Connection>;
  readonly #context: ConnectionContext;
  readonly #reader = new FrameReader(V2_MAX_FRAME_BYTES);
  readonly #egress = new EgressQueue();
  #handler: FrameHandler | null = null;
  #isInRead = false;
  /** Answers of ours wait in the batch of this turn. */
  #isBatched = false;
  #isPaused = false;
  #peerHasEnded = false;
  #isEnding = false;
  #isClosed = false;
  #hasReadSinceAsked = false;

  constructor(socket: Socket<Connection>, context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
  }

  /** Nothing is under way: no question, no half frame, no answer that has not left. */
  get isQuiet(): boolean {
    return (
      (this.#handler?.pendingCount ?? 0) === 0 &&
      this.#reader.bufferedBytes === 0 &&
      this.#egress.bytes === 0 &&
      !this.#isBatched
    );
  }

  /** Whether bytes came since the last time somebody asked. */
  takeActivity(): boolean {
    const hasRead = this.#hasReadSinceAsked;
    this.#hasReadSinceAsked = false;
    return hasRead;
  }

  onData(chunk: Buffer): void {
    if (this.#isEnding) return;
    this.#hasReadSinceAsked = true;
    this.#reader.feed(chunk);
    this.#process();
  }

  /** The socket takes bytes again. */
  onDrain(): void {
    this.#egress.drain((bytes) => this.#socket.write(bytes));
    this.#afterWrite();
    this.#endIfPeerIsDone();
  }

  /** The peer will send no more, but may still read: what it asked is answered before closing. */
  onPeerEnd(): void {
    this.#peerHasEnded = true;
    this.#endIfPeerIsDone();
  }

  onClosed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isEnding = true;
    this.#egress.clear();
    this.#handler?.onDisconnect();
    this.#context.onClose(this);
  }

  sendText(type: number, text: string): void {
    if (this.#isClosed) return;
    this.#isBatched = this.#context.egress.appendText(this, type, text, this.#handler!.maxFrameBytes);
  }

  sendBytes(type: number, bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#isBatched = this.#context.egress.appendBytes(this, type, bytes, this.#handler!.maxFrameBytes);
  }

  deliver(bytes: Buffer): void {
    this.#isBatched = false;
    if (this.#isClosed) return;
    const taken = this.#egress.bytes > 0 ? 0 : Math.max(0, this.#socket.write(bytes));
    if (taken < bytes.length) this.#egress.push(bytes.subarray(taken));
  }

  afterDelivery(): void {
    this.#afterWrite();
    this.#endIfPeerIsDone();
  }

  close(reason: string): void {
    if (this.#isEnding) return;
    this.#context.log.warn("closing a connection", { reason });
    this.end();
  }

  resume(): void {
    if (this.#isInRead || this.#isEnding) return;
    this.#process();
    this.#endIfPeerIsDone();
  }

  /** Sends what is queued, then closes. What the peer sends from now on is not looked at. */
  end(): void {
    this.#isEnding = true;
    if (!this.#isInRead) this.#finishEnd();
  }

  /** Closes at once, with whatever is queued. */
  terminate(): void {
    this.#isEnding = true;
    this.#socket.terminate();
  }

  #process(): void {
    this.#isInRead = true;
    this.#context.egress.beginRead(this);
    try {
      this.#handleFrames();
    } catch (error) {
      this.#closeBroken(error);
    } finally {
      this.#isInRead = false;
      this.#reader.release();
      this.#context.egress.endRead();
      this.#afterWrite();
    }
  }

  #handleFrames(): void {
    this.#handler ??= this.#chooseHandler();
    const handler = this.#handler;
    if (handler === null) return;
    const reader = this.#reader;
    while (!handler.isBlocked && !this.#isEnding && !this.#isFull() && reader.next()) {
      handler.onFrame(reader.buffer, reader.start, reader.end);
    }
  }

  #chooseHandler(): FrameHandler | null {
    const firstByte = this.#reader.peekFirstByte();
    if (firstByte < 0) return null;
    const handler = this.#context.chooseProtocol(firstByte, this);
    if (handler === null) {
      throw new FrameError(
        "frame-unknown-protocol",
        `the first byte 0x${firstByte.toString(16).padStart(2, "0")} starts neither a v1 nor a v2 message`,
      );
    }
    this.#reader.maxFrameBytes = handler.maxFrameBytes;
    return handler;
  }

  #closeBroken(error: unknown): void {
    if (error instanceof FrameError) {
      this.close(`${error.code}: ${error.message}`);
    } else {
      // Only this connection is lost: the proxy's failure mode answers what was under way on it.
      this.#context.log.error("closing a connection after an internal error", {
        reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      this.end();
    }
  }

  #afterWrite(): void {
    if (this.#isClosed || this.#isInRead) return;
    if (this.#egress.bytes > MAX_QUEUED_BYTES_HARD) {
      this.#context.log.warn("closing a connection whose peer does not read its answers", {
        queued_bytes: this.#egress.bytes,
      });
      this.terminate();
      return;
    }
    this.#pauseOrResume();
    if (this.#isEnding) this.#finishEnd();
  }

  #pauseOrResume(): void {
    const mustPause = this.#isFull() || this.#isStalled();
    if (mustPause === this.#isPaused) return;
    this.#isPaused = mustPause;
    if (mustPause) {
      this.#socket.pause();
      return;
    }
    this.#socket.resume();
    // Frames that were read before the pause wait in the reader; no event will come for them.
    if (this.#reader.bufferedBytes > 0 && !this.#isEnding) this.#process();
  }

  #isFull(): boolean {
    return this.#egress.bytes > MAX_QUEUED_BYTES || this.#egress.parts > MAX_QUEUED_PARTS;
  }

  /** The protocol waits for an answer and more frames lie here already: reading on would only pile them up. */
  #isStalled(): boolean {
    return this.#handler?.isBlocked === true && this.#reader.bufferedBytes > MAX_QUEUED_BYTES;
  }

  #endIfPeerIsDone(): void {
    const pending = this.#handler?.pendingCount ?? 0;
    if (this.#peerHasEnded && pending === 0 && this.#egress.bytes === 0 && !this.#isBatched) this.end();
  }

  #finishEnd(): void {
    if (this.#isClosed || this.#isBatched || this.#egress.bytes > 0) return;
    this.#socket.end();
  }
}
