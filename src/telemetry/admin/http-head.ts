/**
 * Reads the head of one HTTP/1.1 request (https://www.rfc-editor.org/rfc/rfc9112): request line and headers. It is strict, and
 * takes no more than an administrator's tools send: no body, no continuation of headers, no request but the first of a
 * connection. So there is nothing that two readers could understand differently.
 */

export interface RequestHead {
  readonly method: string;
  /** Begins with a slash; not decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. A name that was repeated has its values joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Why a request is refused: the status to answer with, and a sentence. */
export interface HeadError {
  readonly status: number;
  readonly problem: string;
}

export const MAX_HEAD_BYTES = 8192;
const MAX_HEADERS = 64;

const HEAD_END = Buffer.from("\r\n\r\n");
const REQUEST_LINE = /^([A-Z]{1,16}) (\/[!-~]*) HTTP\/(\d)\.(\d)$/;
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Visible characters, spaces and tabs; bytes above ASCII are let through as they are. */
const HEADER_VALUE = /^[\t -~\x80-\xff]*$/;
/** Of these, two that differ would be two requests. */
const SINGLE: ReadonlySet<string> = new Set(["host", "content-length", "transfer-encoding"]);

/** Null while the head has not come whole. */
export function readHead(bytes: Buffer): RequestHead | HeadError | null {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) {
    return bytes.length < MAX_HEAD_BYTES ? null : tooLarge();
  }
  if (end + HEAD_END.length > MAX_HEAD_BYTES) return tooLarge();
  const [requestLine = "", ...headerLines] = bytes.toString("latin1", 0, end).split("\r\n");
  const match = REQUEST_LINE.exec(requestLine);
  if (match === null) return bad("the first line is no request line of HTTP with a path");
  const [, method = "", target = "", major, minor] = match;
  if (major !== "1") return { status: 505, problem: "the request is not HTTP/1.1" };
  const headers = readHeaders(headerLines);
  if (!(headers instanceof Map)) return headers;
  if (minor !== "0" && !headers.has("host")) return bad("the header Host is missing");
  const body = headers.get("content-length") ?? "0";
  if (headers.has("transfer-encoding") || !/^0+$/.test(body)) {
    return { status: 413, problem: "requests have no body here" };
  }
  const [path = "", ...query] = target.split("?");
  return { method, path, query: new URLSearchParams(query.join("?")), headers };
}

export function isHeadError(head: RequestHead | HeadError): head is HeadError {
  return "problem" in head;
}

function readHeaders(lines: readonly string[]): Map<string, string> | HeadError {
  if (lines.length > MAX_HEADERS) return { status: 431, problem: `more than ${MAX_HEADERS} headers` };
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const key = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = line.slice(colon + 1);
    if (!HEADER_NAME.test(key) || !HEADER_VALUE.test(value)) return bad("a header line is no name and value");
    const before = headers.get(key);
    if (before !== undefined && SINGLE.has(key)) return bad(`the header ${key} is there twice`);
    headers.set(key, before === undefined ? value.trim() : `${before}, ${value.trim()}`);
  }
  return headers;
}

function bad(problem: string): HeadError {
  return { status: 400, problem };
}

function tooLarge(): HeadError {
  return { status: 431, problem: `the request's head has more than ${MAX_HEAD_BYTES} bytes` };
}
