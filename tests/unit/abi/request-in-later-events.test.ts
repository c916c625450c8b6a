/** Flag 4: later events carry the request of their exchange, the same whichever way the events were read. */

import { describe, expect, test } from "bun:test";
import type { ResponseHeadersEvent, RequestHeadersEvent, ProxyEvent } from "../../../src/event/event.ts";
import { retain } from "../../../src/event/event-text.ts";
import type { RetainedRequest } from "../../../src/event/retained-request.ts";
import { guestPath } from "../../guests/guest-path.ts";
import { openGuest } from "../../support/open-guest.ts";
import { requestHeaders, responseHeaders } from "../../support/proxy-messages.ts";
import { sharedTranscoder } from "../../support/transcoded.ts";

interface Payload {
  readonly uri: string;
  readonly metadata: { readonly route_id: string | null };
}

const payload = () => requestHeaders() as Payload;

function readRequest(change: object = {}): RequestHeadersEvent {
  const frame = Buffer.from(JSON.stringify({ ...payload(), ...change }));
  return sharedTranscoder().read("request-headers", false, frame, 0, frame.length) as RequestHeadersEvent;
}

function readResponse(): ResponseHeadersEvent {
  const frame = Buffer.from(JSON.stringify(responseHeaders()));
  return sharedTranscoder().read("response-headers", false, frame, 0, frame.length) as ResponseHeadersEvent;
}

async function seenBy(event: ProxyEvent, canonicalHeaderCase = false): Promise<unknown> {
  const guest = await openGuest(guestPath("echo-request"), { canonicalHeaderCase });
  return guest.call(event).audit.custom?.["input"];
}

/** The request as text, and as fields. */
function bothForms(change: object = {}): readonly [RetainedRequest, RetainedRequest] {
  const event = readRequest(change);
  return [event.toRequestText!(), retain(event) as RequestHeadersEvent];
}

describe("the request in a response event", () => {
  test.each([
    ["as proxies send it", {}],
    ["with a uri full of quotes", { uri: '/"route_id":"x"?q=\\"' }],
    ["with a header named like a key", { headers: { route_id: ["h"], "x-a": ["1", "2"] } }],
    ["without a route", { metadata: { ...payload().metadata, route_id: null } }],
    ["with a quoted route", { metadata: { ...payload().metadata, route_id: 'a"b\\' } }],
  ])("is the same from text and from fields, %s", async (_name, change) => {
    const [text, fields] = bothForms(change);
    const fromText = await seenBy(Object.assign(readResponse(), { request: text }));
    const fromFields = await seenBy({ ...(retain(readResponse()) as ResponseHeadersEvent), request: fields });
    expect(fromText).toEqual(fromFields);
    const { metadata, uri }: Payload = { ...payload(), ...change };
    expect(fromText).toMatchObject({ request: { uri, route_id: metadata.route_id } });
  });

  test("has canonical header names when the operator wants them", async () => {
    const [text, fields] = bothForms({ headers: { "x-a": ["1"], __proto__x: ["2"] } });
    for (const request of [text, fields]) {
      const seen = await seenBy({ ...(retain(readResponse()) as ResponseHeadersEvent), request }, true);
      expect(seen).toMatchObject({ request: { headers: { "X-A": "1" } } });
    }
  });

  test("is left out when the agent has none", async () => {
    expect(await seenBy(readResponse())).not.toHaveProperty("request");
  });
});
