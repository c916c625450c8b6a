/** HTTP by the byte, for what no ordinary client or server does: interim responses, and connections that die. */

import { connect, createServer, type Server, type Socket } from "node:net";

const ANSWER_WITHIN_MS = 20_000;

/** Sends the text and returns all that comes back until the connection ends. */
export async function rawRequest(address: string, text: string): Promise<string> {
  const [host, port] = address.split(":") as [string, string];
  const socket = connect(Number(port), host);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let received = "";
  socket.on("data", (chunk) => (received += chunk.toString("latin1")));
  socket.on("close", () => resolve(received));
  socket.on("error", reject);
  socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy(new Error("the proxy took too long")));
  socket.write(text);
  return promise;
}

export interface RawHttpRequest {
  /** Request line and headers. */
  readonly head: string;
  readonly body: string;
  /** How many requests came on this connection before. */
  readonly index: number;
}

/** Answers whole requests with bytes of the test's choice; null ends the connection without an answer. */
export class RawUpstream implements Disposable {
  readonly requests: RawHttpRequest[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #answer: (request: RawHttpRequest) => string | null;

  private constructor(answer: (request: RawHttpRequest) => string | null) {
    this.#answer = answer;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async open(answer: (request: RawHttpRequest) => string | null): Promise<RawUpstream> {
    const upstream = new RawUpstream(answer);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    upstream.#server.once("error", reject);
    upstream.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return upstream;
  }

  get address(): string {
    const bound = this.#server.address();
    if (bound === null || typeof bound === "string") throw new Error("the upstream is not listening");
    return `127.0.0.1:${bound.port}`;
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    let pending = "";
    let index = 0;
    socket.on("data", (chunk) => {
      pending += chunk.toString("latin1");
      for (
        let request = takeRequest(pending, index);
        request !== null;
        request = takeRequest(pending, index)
      ) {
        pending = pending.slice(request.head.length + 4 + request.body.length);
        index++;
        this.requests.push(request);
        const answer = this.#answer(request);
        if (answer === null) socket.destroy();
        else socket.write(answer, "latin1");
      }
    });
  }
}

/** The first request of the text when all of it is there: bodies have a length, or there is none. */
function takeRequest(text: string, index: number): RawHttpRequest | null {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return null;
  const head = text.slice(0, headEnd);
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  const body = text.slice(headEnd + 4, headEnd + 4 + length);
  return body.length < length ? null : { head, body, index };
}
