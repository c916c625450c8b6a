/** One connection to an agent, as bytes and frames: what both fake proxies are made of. */

import type { Socket } from "bun";
import { FrameSplitter, type ReceivedFrame } from "./frames.ts";

const DEFAULT_WAIT_MS = 10_000;

export class WireSocket {
  readonly #splitter: FrameSplitter;
  readonly #frames: ReceivedFrame[] = [];
  readonly #waiting: ((frame: ReceivedFrame | null) => void)[] = [];
  readonly #unsent: Buffer[] = [];
  readonly #closing = Promise.withResolvers<void>();
  #socket: Socket | null = null;
  #onFrame: ((frame: ReceivedFrame) => void) | null = null;
  #isClosed = false;
  receivedBytes = 0;

  private constructor(protocol: 1 | 2) {
    this.#splitter = new FrameSplitter(protocol);
  }

  static async connect(path: string, protocol: 1 | 2): Promise<WireSocket> {
    const wire = new WireSocket(protocol);
    wire.#socket = await Bun.connect({
      unix: path,
      allowHalfOpen: true,
      socket: {
        data: (_socket, chunk) => wire.#receive(chunk),
        drain: () => wire.#flush(),
        end: () => wire.#close(),
        close: () => wire.#close(),
        error: () => wire.#close(),
      },
    });
    return wire;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves when the agent has closed its side, or the connection is gone. */
  get closed(): Promise<void> {
    return this.#closing.promise;
  }

  /** Bytes of an answer that never arrived whole. */
  get restBytes(): number {
    return this.#splitter.restBytes;
  }

  /** Sends in order, whatever the kernel takes at once. */
  send(bytes: Uint8Array): void {
    this.#unsent.push(Buffer.from(bytes));
    if (this.#unsent.length === 1) this.#flush();
  }

  /** True once everything was handed to the kernel. */
  get isSent(): boolean {
    return this.#unsent.length === 0;
  }

  /** Hands every frame to `onFrame` from now on, instead of keeping it for `nextFrame`. */
  deliverTo(onFrame: (frame: ReceivedFrame) => void): void {
    this.#onFrame = onFrame;
    for (const frame of this.#frames.splice(0)) onFrame(frame);
  }

  /** Null when the agent closes first. */
  nextFrame(waitMs = DEFAULT_WAIT_MS): Promise<ReceivedFrame | null> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.#isClosed) return Promise.resolve(null);
    const { promise, resolve, reject } = Promise.withResolvers<ReceivedFrame | null>();
    const timer = setTimeout(() => reject(new Error(`no frame came within ${waitMs} ms`)), waitMs);
    this.#waiting.push((received) => {
      clearTimeout(timer);
      resolve(received);
    });
    return promise;
  }

  /** Stops reading: the kernel's buffers fill up, then the agent's queue. */
  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  /** Says that nothing more will be sent; answers can still come. */
  endSending(): void {
    this.#socket?.shutdown();
  }

  /** Vanishes, as a killed proxy does. */
  terminate(): void {
    this.#socket?.terminate();
    this.#close();
  }

  #flush(): void {
    for (let part = this.#unsent[0]; part !== undefined && !this.#isClosed; part = this.#unsent[0]) {
      const taken = Math.max(0, this.#socket?.write(part) ?? 0);
      if (taken < part.length) {
        this.#unsent[0] = part.subarray(taken);
        return;
      }
      this.#unsent.shift();
    }
  }

  #receive(chunk: Buffer): void {
    this.receivedBytes += chunk.length;
    for (const frame of this.#splitter.push(chunk)) {
      const waiting = this.#waiting.shift();
      if (this.#onFrame !== null) this.#onFrame(frame);
      else if (waiting === undefined) this.#frames.push(frame);
      else waiting(frame);
    }
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const waiting of this.#waiting.splice(0)) waiting(null);
    this.#closing.resolve();
  }
}
