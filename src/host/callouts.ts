/**
 * HTTP calls of guests, to the upstreams that the operator has named and to nothing else: bounded in time, in size and
 * in number, without following redirects (docs/proxy-wasm.md 9).
 */

/** A plain value that can be sent to other threads. */
export interface CalloutTarget {
  /** The name that guests call it by; in Envoy that of a cluster. */
  readonly upstream: string;
  /** Scheme, host and port: `http://127.0.0.1:8080`. */
  readonly origin: string;
}

export interface CalloutRequest {
  readonly upstream: string;
  readonly method: string;
  /** Path and query, beginning with a slash. */
  readonly path: string;
  /** For the Host header. */
  readonly authority: string;
  /** Names and values side by side, without pseudo-headers. */
  readonly names: readonly string[];
  readonly values: readonly string[];
  /** Owned by the call. */
  readonly body: Buffer;
  readonly timeoutMs: number;
}

export interface CalloutResponse {
  readonly status: number;
  /** In lower case; repeated names are joined, but for `set-cookie`. */
  readonly names: readonly string[];
  readonly values: readonly string[];
  readonly body: Buffer;
}

/** The call was begun and brought no response; `reason` is for the log. */
export interface CalloutFailure {
  readonly reason: string;
}

/** Why a call is not begun. */
export type CalloutRefusal = "not-granted" | "invalid" | "too-many";

export interface Callout {
  /** Its end is not told any more. */
  cancel(): void;
}

/** At the same time, on one thread. */
const MAX_CALLS = 128;
const MAX_TIMEOUT_MS = 60_000;
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
const MAX_RESPONSE_BYTES = 4 * 1024 * 1024;
const METHOD = /^[A-Z][A-Z-]{0,31}$/;
/** What belongs to a connection, or is made by whoever sends the request. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export class Callouts {
  readonly #origins: ReadonlyMap<string, string>;
  readonly #running = new Set<RunningCall>();

  constructor(targets: readonly CalloutTarget[]) {
    this.#origins = new Map(targets.map(({ upstream, origin }) => [upstream, origin]));
  }

  get runningCount(): number {
    return this.#running.size;
  }

  /** Whether the operator has named any upstream at all. */
  get isGranted(): boolean {
    return this.#origins.size > 0;
  }

  /** `onEnd` is called once, later, unless the call is cancelled. */
  start(
    request: CalloutRequest,
    onEnd: (outcome: CalloutResponse | CalloutFailure) => void,
  ): Callout | CalloutRefusal {
    const origin = this.#origins.get(request.upstream);
    if (origin === undefined) return "not-granted";
    if (this.#running.size >= MAX_CALLS) return "too-many";
    const prepared = prepare(origin, request);
    if (prepared === null) return "invalid";
    const call = new RunningCall(prepared, Math.min(request.timeoutMs, MAX_TIMEOUT_MS), (outcome) => {
      this.#running.delete(call);
      if (outcome !== null) onEnd(outcome);
    });
    this.#running.add(call);
    return call;
  }
}

interface PreparedCall {
  readonly url: string;
  readonly init: RequestInit;
}

/** Null for what is no request to this origin. */
function prepare(origin: string, request: CalloutRequest): PreparedCall | null {
  const { method, path, authority, names, values, body } = request;
  if (!METHOD.test(method) || !path.startsWith("/") || body.length > MAX_REQUEST_BYTES) return null;
  try {
    const url = new URL(origin + path);
    if (url.origin !== origin) return null;
    const headers = new Headers();
    for (let i = 0; i < names.length; i++) {
      if (!OWN_HEADERS.has(names[i]!.toLowerCase())) headers.append(names[i]!, values[i]!);
    }
    if (authority !== "") headers.set("host", authority);
    const hasBody = body.length > 0 && method !== "GET" && method !== "HEAD";
    if (body.length > 0 && !hasBody) return null;
    return { url: url.href, init: { method, headers, ...(hasBody ? { body } : {}) } };
  } catch {
    // A header or a path that HTTP cannot carry.
    return null;
  }
}

class RunningCall implements Callout {
  readonly #abort = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #onEnd: (outcome: CalloutResponse | CalloutFailure | null) => void;
  #isOver = false;

  constructor(
    { url, init }: PreparedCall,
    timeoutMs: number,
    onEnd: (outcome: CalloutResponse | CalloutFailure | null) => void,
  ) {
    this.#onEnd = onEnd;
    this.#timer = setTimeout(() => this.#end({ reason: `no response within ${timeoutMs} ms` }), timeoutMs);
    this.#fetch(url, init).then(
      (response) => this.#end(response),
      (error: unknown) => this.#end({ reason: error instanceof Error ? error.message : String(error) }),
    );
  }

  cancel(): void {
    this.#end(null);
  }

  async #fetch(url: string, init: RequestInit): Promise<CalloutResponse> {
    const response = await fetch(url, {
      ...init,
      signal: this.#abort.signal,
      redirect: "manual",
      // As it came: what is compressed has its header.
      decompress: false,
    });
    const body = await readBody(response);
    const names: string[] = [];
    const values: string[] = [];
    for (const [name, value] of response.headers) {
      names.push(name);
      values.push(value);
    }
    return { status: response.status, names, values, body };
  }

  #end(outcome: CalloutResponse | CalloutFailure | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#abort.abort();
    this.#onEnd(outcome);
  }
}

async function readBody(response: Response): Promise<Buffer> {
  if (response.body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_RESPONSE_BYTES) throw new Error(`the response has more than ${MAX_RESPONSE_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
