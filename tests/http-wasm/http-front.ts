/**
 * An HTTP server that handles each request as Zentinel 0.6.54 does with a route whose agent is subscribed to headers and
 * bodies (docs/agent-protocol.md 8 to 10): it asks the agent, does what the answers say, and forwards to an upstream. Beyond that it does one thing which no released proxy does: it reads a changed method
 * and URI from routing metadata (docs/http-wasm.md 4.1).
 */

import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AcceptedAnswer } from "../support/accepted-answer.ts";
import { V2Proxy } from "../support/fake-proxy.ts";

type Headers = Record<string, string[]>;

interface Message {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** `stream`: the body is one piece, which the agent may replace; else it is shown before the upstream is asked. */
export type RequestBodyMode = "inspect-first" | "stream";

export class HttpFront implements AsyncDisposable {
  readonly url: string;
  /** A proxy has several connections, and any event may use any of them. */
  readonly #proxies: readonly V2Proxy[];
  readonly #server: Server;
  readonly #upstreamPort: number;
  readonly #mode: RequestBodyMode;
  #exchanges = 0;
  #calls = 0;

  private constructor(
    proxies: readonly V2Proxy[],
    server: Server,
    upstreamPort: number,
    mode: RequestBodyMode,
  ) {
    this.#mode = mode;
    this.#proxies = proxies;
    this.#server = server;
    this.#upstreamPort = upstreamPort;
    this.url = `http://127.0.0.1:${portOf(server)}`;
  }

  static async start(
    socketPath: string,
    upstreamPort: number,
    mode: RequestBodyMode = "inspect-first",
  ): Promise<HttpFront> {
    const proxies = [await V2Proxy.connect(socketPath), await V2Proxy.connect(socketPath)];
    const server = createServer((incoming, outgoing) => {
      front.#handle(incoming, outgoing).catch((error: unknown) => {
        outgoing.writeHead(502).end(String(error));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const front = new HttpFront(proxies, server, upstreamPort, mode);
    return front;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { wire } of this.#proxies) wire.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const id = `front-${this.#exchanges++}`;
    const body = await bodyOf(incoming);
    const headers = listsOf(incoming.rawHeaders);
    const asked = { id, method: incoming.method ?? "GET", uri: incoming.url ?? "/", headers };
    const answers = [await this.#proxy.request({ ...asked, clientIp: "127.0.0.1" })];
    if (isAllowed(answers[0]!) && body.length > 0) {
      answers.push(await this.#proxy.requestBody({ id, bytes: body, isStreamed: this.#mode === "stream" }));
    }
    const refusal = answers.find((answer) => !isAllowed(answer));
    if (refusal !== undefined) {
      send(outgoing, incoming, refused(refusal));
      return;
    }
    const replaced = answers[1]?.requestBody?.data;
    const upstream = await this.#forward(asked, replaced == null ? body : Buffer.from(replaced), answers);
    apply(
      upstream.headers,
      answers.flatMap(({ responseHeaders }) => responseHeaders),
    );
    send(outgoing, incoming, await this.#inspect(id, incoming, upstream));
  }

  async #inspect(id: string, incoming: IncomingMessage, upstream: Message): Promise<Message> {
    const { status, headers, body } = upstream;
    const answer = await this.#proxy.response({ id, status, headers });
    if (!isAllowed(answer)) return refused(answer);
    apply(headers, answer.responseHeaders);
    if (incoming.method === "HEAD" || headers["content-length"]?.[0] === "0") return upstream;
    const last = await this.#proxy.responseBody({ id, bytes: body });
    if (!isAllowed(last)) return refused(last);
    const data = last.responseBody?.data ?? "";
    return { status, headers, body: data === "" ? body : Buffer.from(data, "base64") };
  }

  #forward(
    asked: { readonly method: string; readonly uri: string; readonly headers: Headers },
    body: Buffer,
    answers: readonly AcceptedAnswer[],
  ): Promise<Message> {
    const routing = Object.assign({}, ...answers.map(({ routingMetadata }) => routingMetadata)) as {
      readonly method?: string;
      readonly uri?: string;
    };
    const headers = structuredClone(asked.headers);
    // A body that is streamed follows its headers.
    const carried = this.#mode === "stream" ? answers.slice(0, 1) : answers;
    apply(
      headers,
      carried.flatMap(({ requestHeaders }) => requestHeaders),
    );
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const forwarded = request(
      {
        host: "127.0.0.1",
        port: this.#upstreamPort,
        method: routing.method ?? asked.method,
        path: routing.uri ?? asked.uri,
        headers: singles(headers),
        agent: false,
      },
      (response) => {
        bodyOf(response).then(
          (bytes) =>
            resolve({ status: response.statusCode ?? 0, headers: listsOf(response.rawHeaders), body: bytes }),
          reject,
        );
      },
    );
    forwarded.on("error", reject);
    forwarded.end(body);
    return promise;
  }

  get #proxy(): V2Proxy {
    return this.#proxies[this.#calls++ % this.#proxies.length]!;
  }
}

/** One value as a text, as Node wants it for some names. */
function singles(headers: Headers): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [name, values.length === 1 ? values[0]! : values]),
  );
}

export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}

function isAllowed({ decision }: AcceptedAnswer): boolean {
  return decision === "allow";
}

function refused({ decision }: AcceptedAnswer): Message {
  if (typeof decision === "object" && "block" in decision) {
    const { status, body, headers } = decision.block;
    const lists: Headers = { "content-type": ["text/plain"] };
    for (const [name, value] of Object.entries(headers ?? {})) lists[name.toLowerCase()] = [value];
    return { status, headers: lists, body: Buffer.from(body ?? "Blocked by agent") };
  }
  if (typeof decision === "object" && "redirect" in decision) {
    const { status, url } = decision.redirect;
    return { status, headers: { location: [url] }, body: Buffer.from("Redirected by agent") };
  }
  throw new Error(`the front does not know the decision ${JSON.stringify(decision)}`);
}

/** Operations as `accepted-answer.ts` shows them: `set X-A: 1`, `add X-A: 2`, `remove X-B`. */
function apply(headers: Headers, ops: readonly string[]): void {
  for (const line of ops) {
    const [, op, name, value] = /^(\w+) ([^:]+)(?:: ([\s\S]*))?$/.exec(line) ?? [];
    const key = (name ?? "").toLowerCase();
    if (op === "remove") delete headers[key];
    else if (op === "add") headers[key] = [...(headers[key] ?? []), value ?? ""];
    else headers[key] = [value ?? ""];
  }
}

function send(outgoing: ServerResponse, incoming: IncomingMessage, { status, headers, body }: Message): void {
  const {
    "content-length": length,
    "transfer-encoding": _coding,
    connection: _connection,
    ...others
  } = headers;
  const isBodiless = incoming.method === "HEAD" || status === 204 || status === 304;
  outgoing.writeHead(status, {
    ...others,
    "content-length": isBodiless ? (length?.[0] ?? "0") : body.length,
  });
  outgoing.end(isBodiless ? undefined : body);
}

function listsOf(rawHeaders: readonly string[]): Headers {
  const headers: Headers = {};
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    headers[name] = [...(headers[name] ?? []), rawHeaders[i + 1]!];
  }
  return headers;
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
