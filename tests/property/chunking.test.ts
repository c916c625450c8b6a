/** Whole streams through whole connections: the cut of the reads never shows in the answers. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { replyGuest } from "../guests/reply-guest.ts";
import { v1Frame, v2Frame } from "../support/frames.ts";
import { type IndoorAgent, openIndoorAgent } from "../support/indoor-agent.ts";
import { handshake, requestHeaders, responseHeaders, Type, v1Envelope } from "../support/proxy-messages.ts";
import { chunkSizes, cutInto, text } from "./arbitraries.ts";

let agent: IndoorAgent;
beforeAll(async () => {
  agent = await openIndoorAgent(replyGuest('{"decision":"block","body":"no","tags":["t"]}'));
});
afterAll(() => agent.close());

const ids = fc.array(text, { minLength: 1, maxLength: 8 });

function answersTo(chunks: readonly Buffer[]): Buffer {
  const peer = agent.connect();
  for (const chunk of chunks) peer.send(chunk);
  return peer.takeReceived();
}

test("v1", () => {
  fc.assert(
    fc.property(ids, chunkSizes, (all, sizes) => {
      const stream = Buffer.concat(
        all.map((id) => v1Frame(v1Envelope("request_headers", requestHeaders({ id })))),
      );
      expect(answersTo(cutInto(stream, sizes))).toEqual(answersTo([stream]));
    }),
  );
});

test("v2", () => {
  fc.assert(
    fc.property(ids, chunkSizes, (all, sizes) => {
      const stream = Buffer.concat([
        v2Frame(Type.handshake, handshake("0.6.54")),
        ...all.map((id, i) =>
          i % 2 === 0
            ? v2Frame(Type.requestHeaders, requestHeaders({ id }))
            : v2Frame(Type.responseHeaders, responseHeaders({ id })),
        ),
      ]);
      expect(answersTo(cutInto(stream, sizes))).toEqual(answersTo([stream]));
    }),
  );
});
