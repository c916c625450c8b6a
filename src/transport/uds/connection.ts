/**
 * One peer: bytes in, frames to the protocol, answers out. Knows nothing of what frames mean.
 *
 * All frames of one read are answered with one write. A peer that does not read its answers is not read from either,
 * once its queue is full; so nothing grows without bound.
 *
 * For a hand-over to another process, a connection first stops reading until everything is answered, then is held:
 * from there on it neither reads nor writes. Either the other process goes on with its state, or it is released here.
 */

import type { Socket } from "bun";
import { FrameError, type FrameErrorCode } from "../frame-error.ts";
import type { FrameHandler, FrameHandlerFactory, FrameOutbox, LostEvent } from "../frame-handler.ts";
import { V2_MAX_FRAME_BYTES } from "../frame-limits.ts";
import { FrameReader } from "./frame-reader.ts";
import type { Log } from "../../telemetry/log.ts";
import type { LoopMetrics } from "../../telemetry/metrics/loop-metrics.ts";
import { type BufferBudget, type BufferHolder, STALLED_AFTER_S } from "./buffer-budget.ts";
import type { ConnectionMark, MarkMaker } from "./connection-mark.ts";
import type { ConnectionState, HeldConnection } from "./connection-state.ts";
import type { BatchMember, EgressBatch } from "./egress-batch.ts";
import { EgressQueue } from "./egress-queue.ts";

/** What all connections of one event loop share. */
export interface ConnectionContext {
  readonly log: Log;
  readonly chooseProtocol: FrameHandlerFactory;
  readonly egress: EgressBatch;
  readonly buffers: BufferBudget;
  readonly metrics: LoopMetrics;
  onClose(connection: Connection): void;
}

/** Above either, the peer is not read from until its queue is below both again. */
const MAX_QUEUED_BYTES = 1024 * 1024;
const MAX_QUEUED_PARTS = 1024;
/** A peer that never reads while answers still come in from slow guests is cut off here. */
const MAX_QUEUED_BYTES_HARD = 64 * 1024 * 1024;

/** `draining`: frames are not handled, answers still leave. `held`: nothing is read or written. */
type Flow = "open" | "draining" | "held";

export class Connection implements FrameOutbox, BatchMember, BufferHolder {
  readonly #socket: Socket<Connection>;
  readonly #context: ConnectionContext;
  readonly #reader = new FrameReader(V2_MAX_FRAME_BYTES);
  readonly #egress = new EgressQueue();
  #handler: FrameHandler | null = null;
  #isInRead = false;
  /** Answers of ours wait in the batch of this iteration. */
  #isBatched = false;
  #isPaused = false;
  #peerHasEnded = false;
  #isEnding = false;
  #isClosed = false;
  #flow: Flow = "open";
  #isThrottled = false;
  #accountedBytes = 0;
  #mark: ConnectionMark | null = null;
  #lostEvents: readonly LostEvent[] = [];
  #readCount = 0;
  #readCountWhenAsked = 0;

  constructor(socket: Socket<Connection>, context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
    context.metrics.connections.opened();
  }

  /**
   * A connection as another process left it, held until `release`. The bytes of the state are copied.
   *
   * @throws FrameError `frame-unknown-protocol` for a protocol that is not known here.
   */
  static restore(socket: Socket<Connection>, context: ConnectionContext, state: ConnectionState): Connection {
    const connection = new Connection(socket, context);
    connection.#flow = "held";
    connection.#isPaused = true;
    socket.pause();
    if (state.handler !== null) {
      const handler = context.chooseProtocol.restore(state.handler, connection);
      if (handler === null) {
        throw new FrameError("frame-unknown-protocol", "a connection was handed over in an unknown protocol");
      }
      connection.#handler = handler;
      context.metrics.connections.identified(handler.protocol);
      connection.#reader.maxFrameBytes = handler.maxFrameBytes;
    }
    connection.#reader.feed(state.unhandled);
    connection.#reader.release();
    connection.#egress.push(state.unsent);
    connection.#peerHasEnded = state.peerHasEnded;
    connection.#lostEvents = state.lostEvents ?? [];
    return connection;
  }

  /** Events that were taken and are not answered yet. */
  get pendingCount(): number {
    return this.#handler?.pendingCount ?? 0;
  }

  /** Nothing is in flight: no event, no half frame, no answer that has not left. */
  get isQuiet(): boolean {
    return (
      this.pendingCount === 0 &&
      this.#reader.bufferedBytes === 0 &&
      this.#egress.bytes === 0 &&
      !this.#isBatched
    );
  }

  /** Whether bytes came since the last time somebody asked. */
  takeActivity(): boolean {
    const hasRead = this.#readCount !== this.#readCountWhenAsked;
    this.#readCountWhenAsked = this.#readCount;
    return hasRead;
  }

  get readCount(): number {
    return this.#readCount;
  }

  get awaitsPeer(): boolean {
    if (this.#isEnding) return true;
    return this.#mayHandle() && this.#handler?.isBlocked !== true && this.#reader.bufferedBytes > 0;
  }

  /** Nothing is being answered: what is left of it are bytes. */
  get isDrained(): boolean {
    return this.pendingCount === 0 && !this.#isBatched;
  }

  get isHeld(): boolean {
    return this.#flow === "held";
  }

  /** Closed, or about to be once its last answers have left. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  get isMarked(): boolean {
    return this.#mark !== null;
  }

  /** From now on it can be told from outside whether the connection could be gone on with, if it can be at all. */
  markWith(makeMark: MarkMaker): void {
    if (this.#handler?.hasFinalState !== true || this.#isEnding) return;
    this.#mark = makeMark(this.#descriptor, this.#handler.saveState());
    this.#mark?.set(this.#canGoOn);
    this.#handler.useJournal(this.#mark?.journal ?? null);
  }

  /** Handles no further frame. What is in flight is still answered. */
  stopReading(): void {
    if (this.#flow !== "open") return;
    this.#flow = "draining";
    this.#pauseOrResume();
  }

  /** Stops writing, too, and tells how another process can go on. Only when drained. */
  hold(): HeldConnection {
    this.#flow = "held";
    const isOpen = () => !this.#isClosed;
    return {
      descriptor: this.#descriptor,
      state: {
        handler: this.#handler?.saveState() ?? null,
        unhandled: this.#reader.copyRest(),
        unsent: this.#egress.copy(),
        peerHasEnded: this.#peerHasEnded,
      },
      get isOpen() {
        return isOpen();
      },
    };
  }

  /** Goes on as if nothing had happened. */
  release(): void {
    this.#flow = "open";
    if (this.#isClosed) return;
    this.#handler?.refuseLost(this.#lostEvents);
    this.#lostEvents = [];
    this.onDrain();
  }

  setThrottled(isThrottled: boolean): void {
    this.#isThrottled = isThrottled;
    if (!this.#isInRead && !this.#isEnding) this.#pauseOrResume();
  }

  closeOverBudget(heldBytes: number): void {
    this.#closeForBytes(
      "frame-over-budget",
      "all connections together hold more than --max-buffered",
      heldBytes,
    );
  }

  closeStalled(heldBytes: number): void {
    this.#closeForBytes("frame-stalled", `the peer has done nothing for ${STALLED_AFTER_S} s`, heldBytes);
  }

  onData(chunk: Buffer): void {
    if (this.#isEnding) return;
    this.#readCount++;
    if (this.#mark !== null) this.#mark.set(this.#wouldGoOnAfter(chunk));
    this.#reader.feed(chunk);
    this.#process();
  }

  /** The socket takes bytes again. */
  onDrain(): void {
    if (this.#flow === "held") return;
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
    this.#context.buffers.forget(this);
    this.#mark?.onClosed();
    this.#dropMark();
    this.#handler?.onDisconnect();
    this.#context.metrics.connections.closed(this.#handler?.protocol ?? "unknown");
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
    const mustWait = this.#egress.bytes > 0 || this.#flow === "held";
    const taken = mustWait ? 0 : Math.max(0, this.#socket.write(bytes));
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
    if (this.#isInRead || this.#isEnding || this.#flow !== "open") return;
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
    this.#closeMark();
    this.#socket.terminate();
  }

  get #descriptor(): number {
    return (this.#socket as unknown as { readonly fd: number }).fd;
  }

  #process(): void {
    this.#isInRead = true;
    this.#context.metrics.clock.beginRead();
    this.#context.egress.beginRead(this);
    try {
      this.#handleFrames();
    } catch (error) {
      this.#closeBroken(error);
    } finally {
      this.#isInRead = false;
      this.#context.metrics.clock.endRead();
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
    while (!handler.isBlocked && this.#mayHandle() && reader.next()) {
      handler.onFrame(reader.buffer, reader.start, reader.end);
    }
  }

  #mayHandle(): boolean {
    return !this.#isEnding && this.#flow === "open" && !this.#isFull();
  }

  get #canGoOn(): boolean {
    const handler = this.#handler!;
    const isBetweenFrames = this.#reader.bufferedBytes === 0 && this.#egress.bytes === 0;
    return (
      isBetweenFrames && (handler.survivesLostAnswers || (handler.pendingCount === 0 && !this.#isBatched))
    );
  }

  #wouldGoOnAfter(chunk: Buffer): boolean {
    return this.#handler!.survivesLostAnswers && this.#egress.bytes === 0 && this.#reader.endsWith(chunk);
  }

  #chooseHandler(): FrameHandler | null {
    const firstByte = this.#reader.peekFirstByte();
    if (firstByte < 0) return null;
    const handler = this.#context.chooseProtocol.choose(firstByte, this);
    if (handler === null) {
      throw new FrameError(
        "frame-unknown-protocol",
        `the first byte 0x${firstByte.toString(16).padStart(2, "0")} starts neither a v1 nor a v2 message`,
      );
    }
    this.#context.metrics.connections.identified(handler.protocol);
    this.#reader.maxFrameBytes = handler.maxFrameBytes;
    return handler;
  }

  #closeBroken(error: unknown): void {
    if (error instanceof FrameError) {
      this.#context.metrics.connections.refusedFrame(error.code);
      this.close(`${error.code}: ${error.message}`);
    } else {
      // Only this connection is lost: the proxy's failure mode answers what was in flight on it.
      this.#context.log.error("closing a connection after an internal error", {
        reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      this.end();
    }
  }

  #afterWrite(): void {
    if (this.#isClosed || this.#isInRead) return;
    this.#account();
    if (this.#isClosed) return;
    if (this.#mark !== null) this.#updateMark(this.#mark);
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

  #account(): void {
    const heldBytes = this.#reader.heldBytes + this.#egress.bytes;
    if (heldBytes === this.#accountedBytes) return;
    this.#accountedBytes = heldBytes;
    this.#context.buffers.update(this, heldBytes);
  }

  #closeForBytes(code: FrameErrorCode, reason: string, heldBytes: number): void {
    if (this.#isClosed) return;
    this.#context.metrics.connections.refusedFrame(code);
    this.#context.log.warn("closing a connection", { reason: `${code}: ${reason}`, held_bytes: heldBytes });
    this.terminate();
  }

  #pauseOrResume(): void {
    if (this.#isClosed) return;
    const mustPause = this.#flow !== "open" || this.#isThrottled || this.#isFull() || this.#isStalled();
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
    if (this.#flow !== "open") return;
    if (this.#peerHasEnded && this.pendingCount === 0 && this.#egress.bytes === 0 && !this.#isBatched)
      this.end();
  }

  #finishEnd(): void {
    if (this.#isClosed || this.#isBatched || this.#egress.bytes > 0) return;
    this.#closeMark();
    this.#socket.end();
  }

  #updateMark(mark: ConnectionMark): void {
    mark.set(this.#canGoOn);
    if (this.#egress.bytes === 0 && !this.#isBatched) mark.onDelivered();
  }

  #closeMark(): void {
    this.#mark?.onClosing();
    this.#dropMark();
  }

  #dropMark(): void {
    this.#mark = null;
    this.#handler?.useJournal(null);
  }
}
