/**
 * One connection to the admin endpoint: one request, one answer, and the end. What the peer may cost is bounded: bytes of its
 * request, time for it, time without progress while it reads, and bytes that wait for it.
 */

import type { Socket } from "bun";
import { isHeadError, MAX_HEAD_BYTES, readHead, type RequestHead } from "./http-head.ts";
import { type HttpAnswer, isStream, textResponse, writeResponseHead } from "./http-response.ts";

export interface AdminConnectionOptions {
  /** The peer came over TCP: it may look and change nothing. */
  readonly isRemote: boolean;
  readonly timeoutMs: number;
  handle(request: RequestHead, isRemote: boolean): HttpAnswer | Promise<HttpAnswer>;
  onClose(connection: AdminConnection): void;
  /** A request failed by a fault of ours. */
  onBug(error: unknown): void;
}

/** Of a stream; what exceeds it is dropped by whoever makes it. */
const MAX_WAITING_BYTES = 256 * 1024;
/** After its answer a peer may take a moment to see it before the connection goes. */
const LINGER_MS = 1000;

export class AdminConnection {
  readonly #socket: Socket<AdminConnection>;
  readonly #options: AdminConnectionOptions;
  #received: Buffer = Buffer.alloc(0);
  #isReading = true;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** All of the answer was given. */
  #isComplete = false;
  #isEnded = false;
  #isClosed = false;
  #stopStream: (() => void) | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(socket: Socket<AdminConnection>, options: AdminConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#startTimer(options.timeoutMs, () => this.#onSlowRequest());
  }

  /** It has not sent a whole request yet. */
  get isReading(): boolean {
    return this.#isReading;
  }

  onData(chunk: Buffer): void {
    // What follows the head, or comes while it is answered, is not looked at.
    if (!this.#isReading) return;
    this.#received = Buffer.concat([this.#received, chunk.subarray(0, MAX_HEAD_BYTES + 1)]);
    const head = readHead(this.#received);
    if (head === null) return;
    this.#isReading = false;
    this.#received = Buffer.alloc(0);
    this.#stopTimer();
    if (isHeadError(head)) this.#answer(textResponse(head.status, head.problem), false);
    else void this.#handle(head);
  }

  onDrain(): void {
    this.#flush();
  }

  /** The peer sends no more. A request that is not whole will never be. */
  onPeerEnd(): void {
    if (this.#isReading || this.#isEnded) this.terminate();
  }

  onClosed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isReading = false;
    this.#stopTimer();
    this.#waiting = [];
    this.#stopStream?.();
    this.#stopStream = null;
    this.#options.onClose(this);
  }

  terminate(): void {
    this.#socket.terminate();
    this.onClosed();
  }

  async #handle(request: RequestHead): Promise<void> {
    const isHeadOnly = request.method === "HEAD";
    try {
      this.#answer(await this.#options.handle(request, this.#options.isRemote), isHeadOnly);
    } catch (error) {
      this.#options.onBug(error);
      this.#answer(textResponse(500, "the agent failed on this request; its log says why"), isHeadOnly);
    }
  }

  #answer(answer: HttpAnswer, isHeadOnly: boolean): void {
    if (this.#isClosed) return;
    if (!isStream(answer)) {
      const body = Buffer.from(answer.body);
      const head = Buffer.from(writeResponseHead(answer, body.length));
      this.#push(isHeadOnly ? head : Buffer.concat([head, body]));
      this.#complete();
      return;
    }
    this.#push(Buffer.from(writeResponseHead(answer, null)));
    if (isHeadOnly) this.#complete();
    else {
      this.#stopStream = answer.start(
        (text) => this.#writePiece(text),
        () => this.#complete(),
      );
    }
  }

  #writePiece(text: string): boolean {
    if (this.#isClosed || this.#isComplete || this.#waitingBytes >= MAX_WAITING_BYTES) return false;
    this.#push(Buffer.from(text));
    return true;
  }

  #complete(): void {
    this.#isComplete = true;
    this.#flush();
  }

  #push(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#flush();
  }

  #flush(): void {
    if (this.#isClosed) return;
    let hasProgressed = false;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const taken = Math.max(0, this.#socket.write(next));
      this.#waitingBytes -= taken;
      hasProgressed ||= taken > 0;
      if (taken < next.length) {
        this.#waiting[0] = next.subarray(taken);
        break;
      }
      this.#waiting.shift();
    }
    if (this.#waiting.length === 0) {
      this.#stopTimer();
      if (this.#isComplete && !this.#isEnded) this.#end();
    } else if (hasProgressed || this.#timer === null) {
      this.#startTimer(this.#options.timeoutMs, () => this.terminate());
    }
  }

  #end(): void {
    this.#isEnded = true;
    this.#socket.end();
    this.#startTimer(LINGER_MS, () => this.terminate());
  }

  #onSlowRequest(): void {
    this.#isReading = false;
    this.#answer(
      textResponse(408, `the request was not complete after ${this.#options.timeoutMs} ms`),
      false,
    );
  }

  #startTimer(ms: number, act: () => void): void {
    this.#stopTimer();
    this.#timer = setTimeout(act, ms);
    this.#timer.unref();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
