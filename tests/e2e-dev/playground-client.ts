/** The playground's page as a program would be it: the same calls, with or without what makes them welcome. */

import type {
  AskRequest,
  EventDetail,
  EventForm,
  EventRow,
  Outcome,
  RequestForm,
  StreamMessage,
} from "../../src/tools/dev/page-messages.ts";

const WAIT_MS = 30_000;

export class PlaygroundClient {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  readonly #token: string;

  /** @param link as `dev` prints it */
  constructor(link: string) {
    const url = new URL(link);
    this.origin = url.origin;
    this.#token = new URLSearchParams(url.hash.slice(1)).get("token") ?? "";
  }

  get authorization(): Readonly<Record<string, string>> {
    return { authorization: `Bearer ${this.#token}` };
  }

  /** A call as a stranger could make it: nothing is added to it. */
  raw(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.origin}${path}`, { ...init, signal: AbortSignal.timeout(WAIT_MS) });
  }

  call(method: string, path: string, body?: unknown): Promise<Response> {
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    return this.raw(path, { method, headers: this.authorization, ...text });
  }

  async ask(request: Partial<AskRequest>): Promise<Outcome> {
    const response = await this.call("POST", "/api/ask", {
      form: null,
      basedOn: null,
      config: "",
      ...request,
    });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return (await response.json()) as Outcome;
  }

  async event(id: number): Promise<EventDetail> {
    return (await (await this.call("GET", `/api/events/${id}`)).json()) as EventDetail;
  }

  async openStream(): Promise<StreamReader> {
    const response = await this.call("GET", "/api/stream");
    if (response.body === null) throw new Error("the stream has no body");
    return new StreamReader(response.body);
  }
}

export class StreamReader implements AsyncDisposable {
  /** Everything that came so far. */
  readonly messages: StreamMessage[] = [];
  readonly #chunks: AsyncIterator<string>;
  #rest = "";

  constructor(body: ReadableStream<Uint8Array>) {
    this.#chunks = textOf(body);
  }

  /** All rows of the history that were told of, oldest first. */
  get rows(): readonly EventRow[] {
    return this.messages.flatMap((message) =>
      message.type === "snapshot" || message.type === "rows" ? message.rows : [],
    );
  }

  /** Reads until `isThere`. Rejects when the stream ends before. */
  async until(isThere: (reader: StreamReader) => boolean): Promise<void> {
    while (!isThere(this)) {
      const { done, value } = await this.#chunks.next();
      if (done === true) throw new Error(`the stream has ended: ${JSON.stringify(this.messages.slice(-3))}`);
      const lines = (this.#rest + value).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.messages.push(JSON.parse(line) as StreamMessage);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chunks.return?.();
  }
}

async function* textOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of body) yield decoder.decode(chunk, { stream: true });
}

export function requestBefore(uri: string, headers: RequestForm["headers"] = []): RequestForm {
  return { method: "GET", uri, clientIp: "203.0.113.9", headers };
}

export function requestForm(uri: string, headers?: RequestForm["headers"]): EventForm {
  return { kind: "request-headers", ...requestBefore(uri, headers) };
}
