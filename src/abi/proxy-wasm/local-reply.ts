/** A response that the guest gives itself (`proxy_send_local_response`), as a verdict. */

import { EventFailure } from "../../event/failure.ts";
import type { HeaderOp } from "../../event/header-ops.ts";
import { isUtf8 } from "../../event/utf8.ts";
import { NO_AUDIT, type Verdict } from "../../event/verdict.ts";
import { headerNameFailure, headerValueFailure } from "../header-syntax.ts";
import type { HeaderPairs } from "./serialized-map.ts";

export interface LocalReply {
  readonly status: number;
  /** For the log of whoever operates the proxy; a client never sees it. */
  readonly details: string;
  readonly body: Buffer;
  readonly headers: HeaderPairs;
  /** Negative for a reply that is not one of gRPC. */
  readonly grpcStatus: number;
}

const PLACE = "proxy_send_local_response";
const MIN_STATUS = 200;
const MAX_STATUS = 599;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const GRPC_CONTENT_TYPE = "application/grpc";
/** Everything but printable ASCII, and the percent sign itself (gRPC over HTTP/2, "Responses"). */
const GRPC_ESCAPED = /[^ -$&-~]/gu;

/**
 * @param isGrpc the client speaks gRPC, so that a gRPC status makes a response without body
 * @returns a failure for what HTTP or the proxy's protocol cannot carry
 */
export function replyVerdict(reply: LocalReply, isGrpc: boolean): Verdict | EventFailure {
  if (!isUtf8(reply.body)) return bodyNotText();
  const answer = isGrpc && reply.grpcStatus >= 0 ? asGrpc(reply) : reply;
  if (answer.status < MIN_STATUS || answer.status > MAX_STATUS) return statusOutOfRange(answer.status);
  const ops = toOps(answer.headers);
  if (ops instanceof EventFailure) return ops;
  const location = REDIRECTS.has(answer.status) ? ops.findLast(({ name }) => name === "location") : undefined;
  const isRedirect = location !== undefined && location.op !== "remove" && answer.body.length === 0;
  return {
    decision: isRedirect
      ? { kind: "redirect", status: answer.status, location: location.value }
      : { kind: "block", status: answer.status, body: answer.body.toString("utf8") },
    requestHeaders: [],
    responseHeaders: isRedirect ? ops.filter((op) => op.name !== "location") : ops,
    audit: reply.details === "" ? NO_AUDIT : { ...NO_AUDIT, reasonCodes: [reply.details] },
    routingMetadata: null,
  };
}

/** Headers of a refusal have one value each, and cookies cannot share one (docs/agent-protocol.md 7.2). */
export function repeatedCookie({ headers }: LocalReply): boolean {
  return headers.names.filter((name) => name.toLowerCase() === "set-cookie").length > 1;
}

/** Status and message are headers of a response that is 200 for HTTP. */
function asGrpc({ details, body, headers, grpcStatus }: LocalReply): LocalReply {
  const message = body.toString("utf8").replace(GRPC_ESCAPED, percentEncoded);
  const pairs = [
    ["content-type", GRPC_CONTENT_TYPE],
    ["grpc-status", String(grpcStatus)],
    ...(message === "" ? [] : [["grpc-message", message]]),
  ];
  return {
    status: MIN_STATUS,
    details,
    body: Buffer.alloc(0),
    headers: {
      names: [...headers.names, ...pairs.map(([name]) => name!)],
      values: [...headers.values, ...pairs.map(([, value]) => value!)],
    },
    grpcStatus,
  };
}

function percentEncoded(character: string): string {
  let text = "";
  for (const byte of Buffer.from(character)) text += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  return text;
}

/** The first value of a name replaces what the proxy would send, further ones are added. */
function toOps({ names, values }: HeaderPairs): readonly HeaderOp[] | EventFailure {
  const ops: HeaderOp[] = [];
  const seen = new Set<string>();
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!.toLowerCase();
    // The status is told by its own field.
    if (name.startsWith(":")) continue;
    const value = values[i]!;
    const failure = headerNameFailure(name, PLACE) ?? headerValueFailure(name, value, PLACE);
    if (failure !== null) return failure;
    ops.push({ op: seen.has(name) ? "add" : "set", name, value });
    seen.add(name);
  }
  return ops;
}

function statusOutOfRange(status: number): EventFailure {
  return new EventFailure(
    "guest-status-range",
    `the module replies with status ${status}; a response has one from ${MIN_STATUS} to ${MAX_STATUS}`,
  );
}

function bodyNotText(): EventFailure {
  return new EventFailure(
    "guest-body-not-text",
    "the module replies with a body that is not UTF-8; the proxy's protocol carries it as text",
  );
}
