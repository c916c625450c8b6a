/**
 * The playground's HTTP server, on loopback alone: the page, and the few calls it makes. Who may call is the guard's
 * business, what happens then the session's.
 */

import { randomBytes } from "node:crypto";
import type { DevSession } from "./dev-session.ts";
import { exchangeFromForm, FormError, parseAskRequest } from "./event-form.ts";
import { loadPageFiles, type PageFile } from "./page-files.ts";
import type { Refusal } from "./page-messages.ts";
import { PlaygroundGuard } from "./playground-guard.ts";
import { PlaygroundStream } from "./playground-stream.ts";

/** The playground cannot listen; the message says where. */
export class PlaygroundError extends Error {
  override readonly name = "PlaygroundError";
  readonly code = "playground-port-in-use";
}

const HOSTNAME = "127.0.0.1";
const USUAL_PORT = 4610;
const TOKEN_BYTES = 18;
const MAX_BODY_BYTES = 512 * 1024;

const PAGE_HEADERS = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; "),
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};

export class PlaygroundServer {
  /** With the token in its fragment, which browsers send to nobody. */
  readonly link: string;
  readonly #session: DevSession;
  readonly #files: ReadonlyMap<string, PageFile>;
  readonly #stream: PlaygroundStream;
  readonly #server: Bun.Server<undefined>;
  readonly #guard: PlaygroundGuard;
  #asked = 0;

  private constructor(session: DevSession, files: ReadonlyMap<string, PageFile>, port: number | null) {
    this.#session = session;
    this.#files = files;
    this.#server = this.#listen(port);
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    const boundPort = this.#server.port ?? 0;
    this.#guard = new PlaygroundGuard(boundPort, token);
    this.link = `http://${HOSTNAME}:${boundPort}/#token=${token}`;
    this.#stream = new PlaygroundStream(session);
    session.listen(this.#stream.listener);
  }

  /**
   * @param port null takes the usual one, or any when that is taken
   * @throws PlaygroundError when a port that was asked for is taken.
   */
  static async open(session: DevSession, port: number | null): Promise<PlaygroundServer> {
    return new PlaygroundServer(session, await loadPageFiles(), port);
  }

  async close(): Promise<void> {
    this.#stream.close();
    await this.#server.stop(true);
  }

  #listen(port: number | null): Bun.Server<undefined> {
    try {
      return this.#serve(port ?? USUAL_PORT);
    } catch (cause) {
      if (port === null) return this.#serve(0);
      throw new PlaygroundError(
        `the playground cannot listen on port ${port}; give another --port, or leave it out for one that is free`,
        { cause },
      );
    }
  }

  #serve(port: number): Bun.Server<undefined> {
    return Bun.serve({
      hostname: HOSTNAME,
      port,
      reusePort: false,
      maxRequestBodySize: MAX_BODY_BYTES,
      development: false,
      fetch: (request, server) => this.#answer(request, server),
      error: () =>
        refuse(500, { code: "agent-internal", message: "the playground failed; the terminal says why" }),
    });
  }

  async #answer(request: Request, server: Bun.Server<undefined>): Promise<Response> {
    const foreign = this.#guard.refuseForeign(request);
    if (foreign !== null) return refuse(403, foreign);
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith("/api/")) return this.#file(request, pathname);
    const refusal = this.#guard.refuseCall(request);
    if (refusal !== null) return refuse(refusal.code === "token-refused" ? 401 : 403, refusal);
    return this.#call(request, server, pathname);
  }

  #file(request: Request, pathname: string): Response {
    const file = this.#files.get(pathname);
    if (file === undefined || (request.method !== "GET" && request.method !== "HEAD")) return notFound();
    return new Response(file.body, { headers: { ...PAGE_HEADERS, "content-type": file.contentType } });
  }

  async #call(request: Request, server: Bun.Server<undefined>, pathname: string): Promise<Response> {
    const [, , name = "", argument = ""] = pathname.split("/");
    switch (`${request.method} ${name}`) {
      case "GET stream":
        // A quiet session is no idle connection.
        server.timeout(request, 0);
        return new Response(this.#stream.open(), {
          headers: { "content-type": "application/x-ndjson", "cache-control": "no-store" },
        });
      case "GET events":
        return this.#event(Number(argument));
      case "POST ask":
        return this.#ask(request);
      case "POST rebuild":
        await this.#session.request("asked for in the playground", true);
        return json(this.#session.status);
      default:
        return notFound();
    }
  }

  #event(id: number): Response {
    const detail = this.#session.history.detail(id);
    return detail === null ? eventGone() : json(detail);
  }

  async #ask(request: Request): Promise<Response> {
    const trial = this.#session.trial;
    if (trial === null) return noModule();
    try {
      const { form, basedOn, config } = parseAskRequest(await request.json());
      const base = basedOn === null ? [] : this.#session.history.exchange(basedOn);
      const first = base[0]?.kind === "request-headers" ? base[0] : null;
      const exchange = form === null ? base : exchangeFromForm(form, `playground-${++this.#asked}`, first);
      return exchange.length === 0 ? eventGone() : json(await trial.ask(exchange, config));
    } catch (error) {
      if (error instanceof FormError) return refuse(400, { code: error.code, message: error.message });
      if (error instanceof SyntaxError) return refuse(400, { code: "form-invalid", message: "not JSON" });
      throw error;
    }
  }
}

function json(body: object): Response {
  return Response.json(body, { headers: { "cache-control": "no-store" } });
}

function refuse(status: number, refusal: Refusal): Response {
  return Response.json(refusal, { status, headers: { "cache-control": "no-store" } });
}

function noModule(): Response {
  return refuse(409, { code: "no-module", message: "no module could be loaded yet" });
}

function eventGone(): Response {
  return refuse(404, {
    code: "event-gone",
    message: "this event has left the history, or was too large to keep",
  });
}

function notFound(): Response {
  return refuse(404, { code: "not-found", message: "there is nothing here" });
}
