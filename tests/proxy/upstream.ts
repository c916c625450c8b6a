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
}

export class Upstream implements Disposable {
  readonly #server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => this.#echo(request),
  });
  requests = 0;

  get address(): string {
    return `127.0.0.1:${this.#server.port}`;
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }

  #echo(request: Request): Response {
    this.requests++;
    const url = new URL(request.url);
    const echo: UpstreamEcho = {
      method: request.method,
      target: url.pathname + url.search,
      headers: Object.fromEntries(request.headers),
    };
    return Response.json(echo, {
      headers: { server: "upstream", "x-powered-by": "upstream", "x-upstream": "reached" },
    });
  }
}
