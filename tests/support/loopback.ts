/**
 * A connection without a kernel: the real connection, fed and drained by the test. What crosses it, and in which
 * pieces, is then the test's choice alone; real sockets are the e2e suite's.
 */

import type { Socket } from "bun";
import { LoopMetrics } from "../../src/telemetry/metrics/loop-metrics.ts";
import { FRAME_ERROR_CODES } from "../../src/transport/frame-error.ts";
import type { FrameHandlerFactory } from "../../src/transport/frame-handler.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { Connection, type ConnectionContext } from "../../src/transport/uds/connection.ts";
import type { ConnectionState } from "../../src/transport/uds/connection-state.ts";
import { BufferBudget } from "../../src/transport/uds/buffer-budget.ts";
import { EgressBatch } from "../../src/transport/uds/egress-batch.ts";
import { FrameSplitter, type ReceivedFrame } from "./frames.ts";

const MAX_BUFFERED_BYTES = 256 * 1024 * 1024;

export class Loopback {
  readonly connection: Connection;
  readonly #loop: LoopbackLoop;
  /** Bytes the "kernel" takes before it pushes back; the test raises it and calls `drain`. */
  writableBytes = Number.POSITIVE_INFINITY;
  isPaused = false;
  isEnded = false;
  isTerminated = false;
  /** How often the agent wrote to the socket. */
  writes = 0;
  #received: Buffer[] = [];

  /** @param state how another process left the connection; it is held then */
  constructor(loop: LoopbackLoop, state: ConnectionState | null = null) {
    this.#loop = loop;
    const socket = {
      write: (bytes: Uint8Array) => this.#take(bytes),
      end: () => this.#close(() => (this.isEnded = true)),
      terminate: () => this.#close(() => (this.isTerminated = true)),
      pause: () => (this.isPaused = true),
      resume: () => (this.isPaused = false),
    };
    const real = socket as unknown as Socket<Connection>;
    this.connection =
      state === null ? new Connection(real, loop.context) : Connection.restore(real, loop.context, state);
  }

  get isClosed(): boolean {
    return this.isEnded || this.isTerminated;
  }

  /** Hands bytes over as the one read of a turn. The chunk is overwritten afterwards, as the runtime may reuse it. */
  send(bytes: Uint8Array): void {
    const chunk = Buffer.from(bytes);
    this.connection.onData(chunk);
    this.#loop.endTurn();
    chunk.fill(0xee);
  }

  endOfPeer(): void {
    this.connection.onPeerEnd();
    this.#loop.endTurn();
  }

  drain(writableBytes: number): void {
    this.writableBytes = writableBytes;
    this.connection.onDrain();
    this.#loop.endTurn();
  }

  /** Everything the agent has sent since the last call. */
  takeReceived(): Buffer {
    const bytes = Buffer.concat(this.#received);
    this.#received = [];
    return bytes;
  }

  takeFrames(protocol: 1 | 2): ReceivedFrame[] {
    const splitter = new FrameSplitter(protocol);
    const frames = splitter.push(this.takeReceived());
    if (splitter.restBytes > 0) throw new Error(`${splitter.restBytes} bytes of half a frame were sent`);
    return frames;
  }

  #take(bytes: Uint8Array): number {
    if (this.isClosed) throw new Error("the agent wrote to a socket it had closed");
    this.writes++;
    const taken = Math.min(bytes.length, this.writableBytes);
    this.writableBytes -= taken;
    this.#received.push(Buffer.from(bytes.subarray(0, taken)));
    return taken;
  }

  #close(mark: () => void): void {
    if (this.isClosed) return;
    mark();
    this.connection.onClosed();
  }
}

/** One event loop's worth of connections. */
export class LoopbackLoop {
  readonly context: ConnectionContext;
  #atTurnEnd: (() => void)[] = [];
  #connectionCount = 0;

  constructor(
    chooseProtocol: FrameHandlerFactory,
    log: Log,
    options: { readonly maxBufferedBytes?: number; readonly metrics?: LoopMetrics } = {},
  ) {
    this.context = {
      log,
      chooseProtocol,
      egress: new EgressBatch({
        schedule: (flush) => this.#atTurnEnd.push(flush),
        countConnections: () => this.#connectionCount,
      }),
      buffers: new BufferBudget({
        limitBytes: options.maxBufferedBytes ?? MAX_BUFFERED_BYTES,
        log,
        schedule: (work) => this.#atTurnEnd.push(work),
      }),
      metrics: options.metrics ?? new LoopMetrics(FRAME_ERROR_CODES),
      onClose: () => {
        this.#connectionCount--;
      },
    };
  }

  connect(): Loopback {
    this.#connectionCount++;
    return new Loopback(this);
  }

  restore(state: ConnectionState): Loopback {
    this.#connectionCount++;
    return new Loopback(this, state);
  }

  /** All reads of the turn are done: the answers leave. Answers given outside a read need this called by the test. */
  endTurn(): void {
    while (this.#atTurnEnd.length > 0) for (const flush of this.#atTurnEnd.splice(0)) flush();
  }
}
