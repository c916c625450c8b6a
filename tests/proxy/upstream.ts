/**
 * The server behind the proxy: it tells what reached it, and sends headers that a policy may want to change. It counts
 * requests, since a refused one must not get this far.
 */

export interface UpstreamEcho {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Lower-case names; several values are joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** What came as the request's body, as text. */
  readonly body: string;
}

export class Upstream implements Disposable {
  readonly #server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, server) => {
      if (server.upgrade(request)) return undefined;
      return this.#echo(request);
    },
    // Every message comes back.
    websocket: {
      message: (socket, message) => {
        this.messages.push(String(message));
        socket.send(message);
      },
    },
  });
  /** WebSocket messages that arrived. */
  readonly messages: string[] = [];
  requests = 0;

  get address(): string {
    return `127.0.0.1:${this.#server.port}`;
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }

  async #echo(request: Request): Promise<Response> {
    this.requests++;
    const url = new URL(request.url);
    const echo: UpstreamEcho = {
      method: request.method,
      target: url.pathname + url.search,
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    };
    return Response.json(echo, {
      headers: { server: "upstream", "x-powered-by": "upstream", "x-upstream": "reached" },
    });
  }
}
