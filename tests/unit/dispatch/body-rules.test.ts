/** What a replacement of a request body may do to its length, whatever pieces the proxy sends it in. */

import { describe, expect, test } from "bun:test";
import { bodyContext, checkReplacement } from "../../../src/dispatch/body-rules.ts";
import type { BodyEvent } from "../../../src/event/event.ts";
import type { PeerTraits } from "../../../src/event/peer.ts";
import { Exchange } from "../../../src/exchange/exchange.ts";
import { sampleRequest } from "../../support/neutral-events.ts";

const PEER: PeerTraits = { keepsResponseOps: true, hasResponseEvents: true, replacesBodies: true };

interface Piece {
  readonly text: string;
  /** Null forwards the piece. */
  readonly by?: string | null;
  readonly index?: number;
  readonly isLast?: boolean;
  /** Held back by the proxy: the head of a hybrid body. */
  readonly isHead?: boolean;
}

function exchangeOf(contentLength: number | null): Exchange {
  const headers = contentLength === null ? {} : { "content-length": [`${contentLength}`] };
  return new Exchange("id", sampleRequest({ headers }), 0);
}

/** The code of the failure, or `ok`, for each piece. */
function check(exchange: Exchange, pieces: readonly Piece[]): string[] {
  return pieces.map(({ text, by = null, index = 0, isLast = false, isHead = false }) => {
    const bytes = Buffer.from(text);
    const event: BodyEvent = {
      kind: "request-body-chunk",
      correlationId: "id",
      bytes,
      isLast,
      chunkIndex: index,
      totalBytes: isHead ? bytes.length : null,
      bytesSoFar: bytes.length,
    };
    event.context = bodyContext(event, PEER, exchange);
    return checkReplacement(event, by === null ? null : Buffer.from(by), exchange)?.code ?? "ok";
  });
}

describe("a replaced request body whose length was announced", () => {
  test("may move its bytes between the pieces", () => {
    const pieces = [
      { text: "abc", by: "" },
      { text: "defg", by: "ABCDEFG", index: 1, isLast: true },
    ];
    expect(check(exchangeOf(7), pieces)).toEqual(["ok", "ok"]);
  });

  test("fails at the piece that makes it longer", () => {
    const pieces = [{ text: "abc", by: "ABCDEFGH" }];
    expect(check(exchangeOf(7), pieces)).toEqual(["guest-body-length"]);
  });

  test("fails at its end when it is shorter, also if the last piece is left as it is", () => {
    const pieces = [
      { text: "abc", by: "A" },
      { text: "defg", index: 1, isLast: true },
    ];
    expect(check(exchangeOf(7), pieces)).toEqual(["ok", "guest-body-length"]);
  });

  test("counts the head that the proxy held back", () => {
    const pieces = [
      { text: "abc", isHead: true },
      { text: "defg", by: "DEFG", index: 0, isLast: true },
    ];
    expect(check(exchangeOf(7), pieces)).toEqual(["ok", "ok"]);
  });

  test("begins anew when the proxy sends it again behind its end, with numbers that go on", () => {
    const again = [
      { text: "abcdefg", by: "ABCDEFG", isLast: true },
      { text: "abcdefg", by: "ABCDEFG", index: 1, isLast: true },
    ];
    expect(check(exchangeOf(7), again)).toEqual(["ok", "ok"]);
  });

  test("begins anew with the number 0", () => {
    const again = [
      { text: "abc", by: "ABC" },
      { text: "abcdefg", by: "ABCDEFG", index: 0, isLast: true },
    ];
    expect(check(exchangeOf(7), again)).toEqual(["ok", "ok"]);
  });

  test("counts the piece itself where a replacement failed", () => {
    const pieces = [
      { text: "abc", by: "ABCDEFGH" },
      { text: "defg", by: "DEFG", index: 1, isLast: true },
    ];
    expect(check(exchangeOf(7), pieces)).toEqual(["guest-body-length", "ok"]);
  });

  test("that is not replaced is never looked at: the client may send less than it said", () => {
    expect(check(exchangeOf(7), [{ text: "abc", isLast: true }])).toEqual(["ok"]);
  });
});

test("an upload without an announced length may be replaced by any length", () => {
  const pieces = [
    { text: "abc", by: "" },
    { text: "", by: "ABCDEFGH", index: 1, isLast: true },
  ];
  expect(check(exchangeOf(null), pieces)).toEqual(["ok", "ok"]);
});
