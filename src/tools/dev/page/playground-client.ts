/** The page's side of the playground's calls: every one carries the token that came in the link. */

import type { AskRequest, EventDetail, Outcome, Refusal, StreamMessage } from "../page-messages.ts";

/** A call that was answered with a refusal, or not at all. */
export class CallError extends Error {
  override readonly name = "CallError";
  readonly code: string;

  constructor({ code, message }: Refusal) {
    super(message);
    this.code = code;
  }
}

export interface StreamListener {
  onMessage(message: StreamMessage): void;
  /** The session is not there; the stream tries again by itself unless the link is of no use any more. */
  onLost(error: CallError): void;
}

const RETRY_MS = 1000;
const UNREACHABLE: Refusal = {
  code: "unreachable",
  message: "The session does not answer; it may have ended.",
};

export class PlaygroundClient {
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  ask(request: AskRequest): Promise<Outcome> {
    return this.#call<Outcome>("POST", "/api/ask", request);
  }

  event(id: number): Promise<EventDetail> {
    return this.#call<EventDetail>("GET", `/api/events/${id}`);
  }

  async rebuild(): Promise<void> {
    await this.#call("POST", "/api/rebuild");
  }

  /** Listens for as long as the page lives; ends when the link is of no use, which a new try would not change. */
  async listen(listener: StreamListener): Promise<void> {
    for (;;) {
      try {
        const response = await this.#fetch("GET", "/api/stream");
        for await (const line of linesOf(response)) listener.onMessage(JSON.parse(line) as StreamMessage);
        listener.onLost(new CallError(UNREACHABLE));
      } catch (error) {
        const lost = error instanceof CallError ? error : new CallError(UNREACHABLE);
        listener.onLost(lost);
        if (lost.code === "token-refused") return;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async #call<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await this.#fetch(method, path, body);
    return (await response.json()) as T;
  }

  /** @throws CallError */
  async #fetch(method: string, path: string, body?: object): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(path, {
        method,
        headers: { authorization: `Bearer ${this.#token}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch {
      throw new CallError(UNREACHABLE);
    }
    if (!response.ok) throw new CallError((await response.json()) as Refusal);
    return response;
  }
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  if (response.body === null) return;
  let rest = "";
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
