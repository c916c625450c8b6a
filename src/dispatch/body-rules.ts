/**
 * What a proxy can do with the body of an event: whether a replacement arrives, and with which length
 * (docs/agent-protocol.md). A guest is told before, and a replacement that cannot arrive is a failure.
 */

import type { BodyContext, BodyEvent } from "../event/event.ts";
import { EventFailure } from "../event/failure.ts";
import type { PeerTraits } from "../event/peer.ts";
import { isUtf8 } from "../event/utf8.ts";
import type { Exchange, RequestBodyProgress } from "../exchange/exchange.ts";

export function bodyContext(event: BodyEvent, peer: PeerTraits, exchange: Exchange | null): BodyContext {
  const isRequest = event.kind === "request-body-chunk";
  const announced = isRequest ? (exchange?.contentLength ?? null) : null;
  const isBuffered = event.totalBytes !== null;
  return {
    isTruncated: isBuffered && (!event.isLast || (announced !== null && announced > (event.totalBytes ?? 0))),
    canReplace: peer.replacesBodies && (!isRequest || !isBuffered),
    mustKeepLength: isRequest && announced !== null,
  };
}

/**
 * Counts what the upstream gets of a request body and checks a replacement.
 *
 * @param replacement null when the event's own bytes are forwarded
 * @returns null when the proxy can carry it
 */
export function checkReplacement(
  event: BodyEvent,
  replacement: Uint8Array | null,
  exchange: Exchange | null,
): EventFailure | null {
  if (replacement !== null && event.context?.canReplace !== true) return notReplaceable(event);
  if (event.kind === "response-body-chunk") {
    // An empty replacement means "unchanged" to every proxy.
    return replacement?.length === 0 && event.bytes.length > 0 ? emptyResponse() : null;
  }
  if (replacement !== null && !isUtf8(replacement)) return notText();
  if (exchange === null) return null;
  const body = exchange.requestBody;
  count(event, replacement, body);
  const announced = exchange.contentLength;
  if (announced === null || !body.isReplaced || event.context?.mustKeepLength !== true) return null;
  const { forwardedBytes } = body;
  if (forwardedBytes <= announced && (!event.isLast || forwardedBytes === announced)) return null;
  // If the policy lets the event pass, then with its own bytes.
  if (replacement !== null) body.forwardedBytes += event.bytes.length - replacement.length;
  return wrongLength(forwardedBytes, announced);
}

/** A body begins anew when the proxy lost its upstream connection and sends it again (docs/agent-protocol.md 9.4). */
function count(event: BodyEvent, replacement: Uint8Array | null, body: RequestBodyProgress): void {
  const isBuffered = event.totalBytes !== null;
  const beginsAnew =
    isBuffered || body.stage === "ended" || (body.stage === "pieces" && event.chunkIndex === 0);
  if (beginsAnew) {
    body.forwardedBytes = 0;
    body.isReplaced = false;
  }
  body.forwardedBytes += (replacement ?? event.bytes).length;
  if (replacement !== null) body.isReplaced = true;
  body.stage = event.isLast ? "ended" : isBuffered ? "head" : "pieces";
}

function notReplaceable({ kind, totalBytes }: BodyEvent): EventFailure {
  const reason =
    kind === "request-body-chunk" && totalBytes !== null
      ? "the proxy forwards a buffered request body unchanged; set request-body-mode to stream to replace it"
      : "this proxy takes no replacements; Zentinel does from 0.6.51 on";
  return new EventFailure("guest-body-not-replaceable", `the module replaces a body, but ${reason}`);
}

function emptyResponse(): EventFailure {
  return new EventFailure(
    "guest-body-not-replaceable",
    "the module replaces a response body with nothing, which the proxy takes for no change; answer with at least one byte, or with a block",
  );
}

function notText(): EventFailure {
  return new EventFailure(
    "guest-body-not-text",
    "the replacement of a request body is not UTF-8; the proxy's protocol carries it as text",
  );
}

function wrongLength(bytes: number, announced: number): EventFailure {
  return new EventFailure(
    "guest-body-length",
    `the client announced ${announced} bytes and the replaced body has ${bytes}; keep the length, for example by spaces at the end of JSON`,
  );
}
