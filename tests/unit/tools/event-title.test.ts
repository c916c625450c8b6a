import { expect, test } from "bun:test";
import { readEvent } from "../../../src/telemetry/recording/event-json.ts";
import { eventTitle } from "../../../src/tools/event-title.ts";

const TITLES: readonly [event: object, title: string][] = [
  [{ method: "PUT", uri: "/a?b" }, "PUT /a?b"],
  [{ status: 404 }, "response 404"],
  [{ kind: "request_body", body: "hello" }, "request body, 5 bytes"],
  [
    { kind: "request_body", body: "h", chunk_index: 2, is_last: false, total_size: null },
    "request body chunk 2, 1 byte",
  ],
  [{ kind: "request_body", chunk_index: 3, total_size: null }, "request body chunk 3 (last), 0 bytes"],
  [{ kind: "response_body", body: "hi" }, "response body, 2 bytes"],
  [{ kind: "websocket_frame", opcode: "ping" }, "client frame ping, 0 bytes"],
  [{ kind: "websocket_frame", payload: "hi", client_to_server: false }, "server frame text, 2 bytes"],
  [{ kind: "guardrail" }, "guardrail pii_detection"],
  [{ kind: "log", status: 502 }, "request complete 502"],
];

test.each(TITLES)("the title of %j is %s", (event, title) => {
  expect(eventTitle(readEvent(event))).toBe(title);
});
