/** Answers of the admin endpoint, and how they are written: one for each connection, which is closed after it. */

export interface HttpResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A body that is written piece by piece, until the peer goes or `stop` is called. */
export interface HttpStream {
  readonly status: 200;
  readonly contentType: string;
  /** Begins; `write` answers false when the peer reads too slowly and the piece was dropped. The result ends it. */
  start(write: (text: string) => boolean, end: () => void): () => void;
}

export type HttpAnswer = HttpResponse | HttpStream;

const REASONS: ReadonlyMap<number, string> = new Map([
  [200, "OK"],
  [400, "Bad Request"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [408, "Request Timeout"],
  [409, "Conflict"],
  [413, "Content Too Large"],
  [421, "Misdirected Request"],
  [422, "Unprocessable Content"],
  [431, "Request Header Fields Too Large"],
  [500, "Internal Server Error"],
  [503, "Service Unavailable"],
  [505, "HTTP Version Not Supported"],
]);

const TEXT = "text/plain; charset=utf-8";
const JSON_TYPE = "application/json";

export function textResponse(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return { status, contentType: TEXT, body: `${text}\n`, headers };
}

export function jsonResponse(status: number, value: unknown): HttpResponse {
  return { status, contentType: JSON_TYPE, body: `${JSON.stringify(value, null, 2)}\n` };
}

export function isStream(answer: HttpAnswer): answer is HttpStream {
  return "start" in answer;
}

/** Status line and headers. A stream has no length: its end is that of the connection. */
export function writeResponseHead(answer: HttpAnswer, bodyBytes: number | null): string {
  const lines = [
    `HTTP/1.1 ${answer.status} ${REASONS.get(answer.status) ?? "Unknown"}`,
    `Content-Type: ${answer.contentType}`,
    ...(bodyBytes === null ? [] : [`Content-Length: ${bodyBytes}`]),
    "Cache-Control: no-store",
    "X-Content-Type-Options: nosniff",
    "Connection: close",
    ...(isStream(answer)
      ? []
      : Object.entries(answer.headers ?? {}).map(([name, value]) => `${name}: ${value}`)),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}
