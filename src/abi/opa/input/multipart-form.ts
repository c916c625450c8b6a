/** Fields of a `multipart/form-data` body (RFC 7578). Files are left out, as they are no text. */

import { BadRequest } from "./request-parts.ts";

const MAX_PARTS = 1000;
const BOUNDARY = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i;
const NAME = /;\s*name=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i;
const FILENAME = /;\s*filename\*?=/i;
const HEADER_END = "\r\n\r\n";

/** @throws BadRequest for a body that its boundary does not fit. */
export function multipartForm(bytes: Uint8Array, contentType: string): Map<string, string[]> {
  const match = BOUNDARY.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) throw new BadRequest("multipart/form-data without a boundary");
  const values = new Map<string, string[]>();
  for (const part of partsOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), boundary)) {
    const end = part.indexOf(HEADER_END);
    if (end < 0) throw new BadRequest("a part of the body has no headers");
    const disposition = dispositionOf(part.toString("utf8", 0, end));
    const name = NAME.exec(disposition);
    if (name === null || FILENAME.test(disposition)) continue;
    const key = name[1]?.replace(/\\(.)/g, "$1") ?? name[2] ?? "";
    const value = part.toString("utf8", end + HEADER_END.length);
    const known = values.get(key);
    if (known === undefined) values.set(key, [value]);
    else known.push(value);
  }
  return values;
}

function partsOf(body: Buffer, boundary: string): readonly Buffer[] {
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  const first = delimiter.subarray(2);
  let start = body.subarray(0, first.length).equals(first) ? 0 : body.indexOf(delimiter) + 2;
  if (start === 1) throw new BadRequest("the body does not have its boundary");
  const parts: Buffer[] = [];
  for (;;) {
    const content = start + first.length;
    if (body.toString("latin1", content, content + 2) === "--") return parts;
    const lineEnd = body.indexOf("\r\n", content);
    const next = body.indexOf(delimiter, content);
    if (lineEnd < 0 || next < 0) throw new BadRequest("the body ends before its last boundary");
    if (parts.length >= MAX_PARTS) throw new BadRequest(`the body has more than ${MAX_PARTS} parts`);
    parts.push(body.subarray(Math.min(lineEnd + 2, next), next));
    start = next + 2;
  }
}

function dispositionOf(headers: string): string {
  return headers.split("\r\n").find((line) => /^content-disposition:/i.test(line)) ?? "";
}
