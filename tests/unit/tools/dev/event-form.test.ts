/** What the playground's form may ask, and the event that becomes of it. */

import { describe, expect, test } from "bun:test";
import {
  eventFromForm,
  FormError,
  formFromEvent,
  parseAskRequest,
} from "../../../../src/tools/dev/event-form.ts";
import type { EventForm } from "../../../../src/tools/dev/page-messages.ts";
import type { RequestHeadersEvent } from "../../../../src/event/event.ts";

const REQUEST: EventForm = {
  kind: "request-headers",
  method: "GET",
  uri: "/a?b=c",
  clientIp: "203.0.113.9",
  headers: [
    ["Host", "shop.example"],
    ["cookie", "a=1"],
    ["Cookie", "b=2"],
  ],
};

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
    const event = eventFromForm(REQUEST, "playground-1", null);
    expect(event.headers).toEqual({ host: ["shop.example"], cookie: ["a=1", "b=2"] });
    expect(event).toMatchObject({
      kind: "request-headers",
      method: "GET",
      uri: "/a?b=c",
      correlationId: "playground-1",
    });
  });

  test("takes from the event it began as what a form cannot show", () => {
    const base = eventFromForm(REQUEST, "old", null) as RequestHeadersEvent;
    const known = { ...base, metadata: { ...base.metadata, routeId: "api", tlsVersion: "TLSv1.3" } };
    const event = eventFromForm({ ...REQUEST, clientIp: "192.0.2.1" }, "new", known) as RequestHeadersEvent;
    expect(event.metadata).toMatchObject({
      routeId: "api",
      tlsVersion: "TLSv1.3",
      clientAddress: "192.0.2.1",
    });
  });

  test("and back is the same form, without pseudo headers", () => {
    const event = eventFromForm(REQUEST, "x", null);
    const withPseudo = { ...event, headers: { ":method": ["GET"], ...event.headers } };
    expect(formFromEvent(withPseudo)).toEqual({
      ...REQUEST,
      headers: [
        ["host", "shop.example"],
        ["cookie", "a=1"],
        ["cookie", "b=2"],
      ],
    });
  });

  test("may have a header called __proto__", () => {
    const event = eventFromForm({ ...REQUEST, headers: [["__proto__", "x"]] }, "x", null);
    expect(Object.entries(event.headers)).toEqual([["__proto__", ["x"]]]);
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
    ["the status must be 100 or more", { kind: "response-headers", status: 99, headers: [] }],
    ["the status must be a whole number", { kind: "response-headers", status: 200.5, headers: [] }],
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
