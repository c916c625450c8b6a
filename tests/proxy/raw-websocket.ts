/** A WebSocket client by the frame (RFC 6455): it offers no extension unless told to, and sees close frames as they are. */

import { connect, type Socket } from "node:net";

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface ReceivedFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

const KEY = "MDEyMzQ1Njc4OWFiY2RlZg==";
const ANSWER_WITHIN_MS = 20_000;
const MASK = Buffer.from([1, 2, 3, 4]);

export class RawWebSocket implements Disposable {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #hasEnded = false;
  #notify: () => void = () => {};
  /** Status line and headers of the answer to the upgrade. */
  head = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy());
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#notify();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.#hasEnded = true;
      this.#notify();
    });
  }

  static async open(
    address: string,
    target: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<RawWebSocket> {
    const [host, port] = address.split(":") as [string, string];
    const client = new RawWebSocket(connect(Number(port), host));
    const lines = Object.entries({
      Host: "a.test",
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": KEY,
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    client.#socket.write(`GET ${target} HTTP/1.1\r\n${lines.join("")}\r\n`);
    await client.#until(() => client.#received.includes("\r\n\r\n"));
    const end = client.#received.indexOf("\r\n\r\n");
    client.head = client.#received.subarray(0, Math.max(0, end)).toString("latin1");
    client.#received = client.#received.subarray(end + 4);
    return client;
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.head)?.[1] ?? 0);
  }

  send(opcode: number, payload: string): void {
    const bytes = Buffer.from(payload);
    if (bytes.length > 125) throw new Error("frames of tests are short");
    const masked = bytes.map((byte, i) => byte ^ MASK[i % MASK.length]!);
    this.#socket.write(Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | bytes.length]), MASK, masked]));
  }

  /** The next frame of the server; null when the connection has ended. */
  async receive(): Promise<ReceivedFrame | null> {
    const isWhole = (): boolean => {
      const bytes = this.#received;
      return bytes.length >= 2 && bytes.length >= 2 + (bytes[1]! & 0x7f);
    };
    await this.#until(isWhole);
    if (!isWhole()) return null;
    const length = this.#received[1]! & 0x7f;
    const frame = { opcode: this.#received[0]! & 0x0f, payload: this.#received.subarray(2, 2 + length) };
    this.#received = this.#received.subarray(2 + length);
    return frame;
  }

  /** What came, as text, once the connection has ended. */
  async rest(): Promise<string> {
    await this.#until(() => false);
    return this.#received.toString("latin1");
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  async #until(isThere: () => boolean): Promise<void> {
    while (!isThere() && !this.#hasEnded) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#notify = resolve;
      await promise;
    }
  }
}
