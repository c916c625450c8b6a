/** What the playground's form may ask, and the event that becomes of it. */

import { describe, expect, test } from "bun:test";
import {
  exchangeFromForm,
  FormError,
  formFromExchange,
  parseAskRequest,
} from "../../../../src/tools/dev/event-form.ts";
import type { EventForm, RequestForm } from "../../../../src/tools/dev/page-messages.ts";
import type { ProxyEvent, RequestHeadersEvent } from "../../../../src/event/event.ts";

const BEFORE: RequestForm = {
  method: "GET",
  uri: "/a?b=c",
  clientIp: "203.0.113.9",
  headers: [
    ["Host", "shop.example"],
    ["cookie", "a=1"],
    ["Cookie", "b=2"],
  ],
};
const REQUEST: EventForm = { kind: "request-headers", ...BEFORE };

function requestFromForm(
  form: EventForm,
  id: string,
  base: RequestHeadersEvent | null = null,
): RequestHeadersEvent {
  return exchangeFromForm(form, id, base)[0] as RequestHeadersEvent;
}

function refusalOf(form: object, config = ""): string {
  try {
    parseAskRequest({ form, basedOn: null, config });
  } catch (error) {
    if (error instanceof FormError) return error.message;
    throw error;
  }
  return "accepted";
}

describe("an event from a form", () => {
  test("has header names in lower case, as proxies send them, each with its values in order", () => {
    const event = requestFromForm(REQUEST, "playground-1");
    expect(event.headers).toEqual({ host: ["shop.example"], cookie: ["a=1", "b=2"] });
    expect(event).toMatchObject({
      kind: "request-headers",
      method: "GET",
      uri: "/a?b=c",
      correlationId: "playground-1",
    });
  });

  test("takes from the event it began as what a form cannot show", () => {
    const base = requestFromForm(REQUEST, "old");
    const known = { ...base, metadata: { ...base.metadata, routeId: "api", tlsVersion: "TLSv1.3" } };
    const event = requestFromForm(
      { kind: "request-headers", ...BEFORE, clientIp: "192.0.2.1" },
      "new",
      known,
    );
    expect(event.metadata).toMatchObject({
      routeId: "api",
      tlsVersion: "TLSv1.3",
      clientAddress: "192.0.2.1",
    });
  });

  test("and back is the same form, without pseudo headers", () => {
    const event = requestFromForm(REQUEST, "x");
    const withPseudo = { ...event, headers: { ":method": ["GET"], ...event.headers } };
    expect(formFromExchange([withPseudo])).toEqual({
      ...REQUEST,
      headers: [
        ["host", "shop.example"],
        ["cookie", "a=1"],
        ["cookie", "b=2"],
      ],
    });
  });

  test("may have a header called __proto__", () => {
    const event = requestFromForm({ kind: "request-headers", ...BEFORE, headers: [["__proto__", "x"]] }, "x");
    expect(Object.entries(event.headers)).toEqual([["__proto__", ["x"]]]);
  });
});

const LATER: readonly EventForm[] = [
  { kind: "response-headers", request: BEFORE, status: 404, headers: [["server", "nginx"]] },
  {
    kind: "request-body-chunk",
    request: BEFORE,
    payload: { encoding: "text", value: "é" },
    isStreamed: false,
  },
  {
    kind: "response-body-chunk",
    request: BEFORE,
    response: { status: 200, headers: [["server", "nginx"]] },
    payload: { encoding: "hex", value: "00ff" },
  },
  {
    kind: "websocket-frame",
    request: BEFORE,
    opcode: "binary",
    isFromClient: false,
    payload: { encoding: "hex", value: "80" },
  },
  { kind: "guardrail-inspect", request: BEFORE, inspectionType: "pii_detection", content: "text" },
];

describe("an event that follows a request", () => {
  test.each(LATER)("$kind is sent behind it, in one exchange, and back is the same form", (form) => {
    const exchange = exchangeFromForm(form, "one", null);
    expect(exchange[0]).toMatchObject({ kind: "request-headers", uri: "/a?b=c" });
    expect(exchange.at(-1)!.kind).toBe(form.kind);
    expect(new Set(exchange.map(({ correlationId }) => correlationId))).toEqual(new Set(["one"]));
    const back = formFromExchange(exchange) as Exclude<EventForm, { kind: "request-headers" }>;
    expect({ ...back, request: BEFORE }).toEqual(form as never);
    expect(back.request).toMatchObject({ method: "GET", uri: "/a?b=c" });
  });

  test.each(LATER)("$kind is sent alone when nothing is known of its request", (form) => {
    const alone = { ...form, request: null, ...("response" in form ? { response: null } : {}) } as EventForm;
    expect(exchangeFromForm(alone, "one", null).map(({ kind }) => kind)).toEqual([form.kind]);
  });

  test("gets the headers that a client would send along", () => {
    const headersOf = (events: readonly ProxyEvent[]) => (events[0] as RequestHeadersEvent).headers;
    expect(headersOf(exchangeFromForm(LATER[1]!, "one", null))).toMatchObject({ "content-length": ["2"] });
    const frame = exchangeFromForm(LATER[3]!, "one", null);
    expect(headersOf(frame)).toMatchObject({ connection: ["upgrade"], upgrade: ["websocket"] });
    expect(frame[1]).toMatchObject({ kind: "response-headers", status: 101 });
  });

  test("and is streamed comes in pieces", () => {
    const value = "x".repeat(65_536 + 1);
    const form = {
      kind: "request-body-chunk",
      request: null,
      isStreamed: true,
      payload: { encoding: "text", value },
    } as const;
    expect(exchangeFromForm(form, "one", null)).toMatchObject([
      { isLast: false, chunkIndex: 0, totalBytes: null, bytesSoFar: 65_536 },
      { isLast: true, chunkIndex: 1, totalBytes: null, bytesSoFar: 65_537 },
    ]);
  });
});

describe("a form is refused with a sentence", () => {
  test.each<[string, object]>([
    ["the uri must not be empty; / is the shortest", { ...REQUEST, uri: "" }],
    ["the uri must not contain line breaks", { ...REQUEST, uri: "/\r\nx" }],
    ["the method must be a word such as GET", { ...REQUEST, method: "GET /" }],
    ["a header value must not contain line breaks", { ...REQUEST, headers: [["a", "b\nc: d"]] }],
    [
      "a header name must be made of letters, digits and !#$%&'*+-.^_`|~",
      { ...REQUEST, headers: [["a b", "c"]] },
    ],
    ["the status must be 100 or more", { kind: "response-headers", request: null, status: 99, headers: [] }],
    [
      "the status must be a whole number",
      { kind: "response-headers", request: null, status: 200.5, headers: [] },
    ],
    [
      "hexadecimal bytes have two digits each, such as 00 ff",
      {
        kind: "request-body-chunk",
        request: null,
        isStreamed: false,
        payload: { encoding: "hex", value: "0" },
      },
    ],
  ])("%s", (message, form) => {
    expect(refusalOf(form)).toBe(message);
  });

  test("when the configuration is not JSON", () => {
    expect(refusalOf(REQUEST, "{")).toBe("the configuration is not valid JSON");
    expect(refusalOf(REQUEST, ' {"a":1} ')).toBe("accepted");
  });

  test("whatever else it is made of", () => {
    for (const body of [null, 1, "x", [], {}, { form: REQUEST }, { form: {}, basedOn: null, config: "" }]) {
      expect(() => parseAskRequest(body)).toThrow(FormError);
    }
  });
});
