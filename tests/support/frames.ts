/** Bytes of frames as a proxy puts them on the socket (docs/agent-protocol.md 2.1 and 3.1), and back. */

/** A payload: text and bytes go out as they are, anything else as JSON. */
export type Payload = string | Uint8Array | object;

export interface ReceivedFrame {
  /** The v2 type byte; null on v1. */
  readonly type: number | null;
  readonly text: string;
}

export function payloadBytes(payload: Payload): Buffer {
  if (payload instanceof Uint8Array) return Buffer.from(payload);
  return Buffer.from(typeof payload === "string" ? payload : JSON.stringify(payload));
}

export function v1Frame(payload: Payload): Buffer {
  const body = payloadBytes(payload);
  const frame = Buffer.allocUnsafe(4 + body.length);
  frame.writeUInt32BE(body.length, 0);
  frame.set(body, 4);
  return frame;
}

export function v2Frame(type: number, payload: Payload): Buffer {
  const body = payloadBytes(payload);
  const frame = Buffer.allocUnsafe(5 + body.length);
  frame.writeUInt32BE(1 + body.length, 0);
  frame[4] = type;
  frame.set(body, 5);
  return frame;
}

/** Takes whole frames off the front of a byte stream. Deliberately simple: it is the yardstick for the real reader. */
export class FrameSplitter {
  readonly #protocol: 1 | 2;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #needed = 4;

  constructor(protocol: 1 | 2) {
    this.#protocol = protocol;
  }

  /** Bytes of a frame that has not arrived whole. */
  get restBytes(): number {
    return this.#bytes;
  }

  push(chunk: Uint8Array): ReceivedFrame[] {
    this.#chunks.push(Buffer.from(chunk));
    this.#bytes += chunk.length;
    if (this.#bytes < this.#needed) return [];
    let bytes = Buffer.concat(this.#chunks);
    const frames: ReceivedFrame[] = [];
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0)) {
      const end = 4 + bytes.readUInt32BE(0);
      frames.push(this.#frame(bytes.subarray(4, end)));
      bytes = bytes.subarray(end);
    }
    this.#chunks = bytes.length === 0 ? [] : [bytes];
    this.#bytes = bytes.length;
    this.#needed = bytes.length < 4 ? 4 : 4 + bytes.readUInt32BE(0);
    return frames;
  }

  #frame(body: Buffer): ReceivedFrame {
    if (this.#protocol === 1) return { type: null, text: body.toString() };
    if (body.length === 0) throw new Error("the agent sent a v2 frame of length 0");
    return { type: body[0]!, text: body.toString("utf8", 1) };
  }
}

export function splitFrames(protocol: 1 | 2, bytes: Uint8Array): ReceivedFrame[] {
  const splitter = new FrameSplitter(protocol);
  const frames = splitter.push(bytes);
  if (splitter.restBytes > 0)
    throw new Error(`the stream ends with ${splitter.restBytes} bytes of half a frame`);
  return frames;
}
