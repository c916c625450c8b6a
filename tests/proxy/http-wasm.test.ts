/** A plug-in of the http-wasm ABI behind a real proxy: it answers a request itself, and changes what others get. */

import { expect, test } from "bun:test";
import { assembleWat } from "../guests/assemble-guest.ts";
import { httpWasmWat, NEXT, OWN_ANSWER, READ_AT } from "../support/http-wasm-wat.ts";
import type { AgentEvent } from "./config.ts";
import { describeEachProxy } from "./describe-each-proxy.ts";
import { sharedDeployment } from "./shared-deployment.ts";

/** Kinds of headers and bodies, and a feature (http-wasm.io/http-handler-abi). */
const [REQUEST, RESPONSE] = ["(i32.const 0)", "(i32.const 1)"];
const BUFFER_RESPONSE = "(i32.const 2)";

const PLUGIN = assembleWat(
  "answers-and-changes",
  httpWasmWat({
    texts: {
      via: "x-plugin",
      seen: "seen",
      own: "answered by the plug-in",
      changed: "changed by the plug-in",
    },
    // Of `/teapot` the second character, of `/change` as well, decides.
    more: `
      (func $second (result i32)
        (drop (call $get_uri (i32.const ${READ_AT}) (i32.const 256)))
        (i32.load8_u (i32.const ${READ_AT + 1})))
      (func (export "_initialize") (drop (call $enable_features ${BUFFER_RESPONSE})))`,
    request: `
      (if (result i64) (i32.eq (call $second) (i32.const ${"t".charCodeAt(0)}))
        (then
          (call $set_status_code (i32.const 418))
          (call $set_header_value ${RESPONSE} (text via) (text seen))
          (call $write_body ${RESPONSE} (text own))
          ${OWN_ANSWER})
        (else
          (call $set_header_value ${REQUEST} (text via) (text seen))
          ${NEXT}))`,
    response: `
      (call $set_header_value ${RESPONSE} (text via) (text seen))
      (if (i32.eq (call $second) (i32.const ${"c".charCodeAt(0)}))
        (then (call $write_body ${RESPONSE} (text changed))))`,
  }),
);

describeEachProxy("an http-wasm plug-in", (proxy) => {
  const events: readonly AgentEvent[] = proxy.traits.honoursWholeAnswers
    ? ["request_headers", "response_headers", "response_body"]
    : ["request_headers", "response_headers"];
  const deployment = sharedDeployment(proxy, async () => ({
    module: await PLUGIN,
    agentFlags: ["--events", events.join(",")],
    config: { events },
  }));

  test("answers a request itself, and the upstream never sees it", async () => {
    const before = deployment().upstream.requests;
    const answer = await deployment().request("/teapot");
    expect(answer).toMatchObject({ status: 418, body: "answered by the plug-in", echo: null });
    if (proxy.traits.honoursWholeAnswers) expect(answer.headers.get("x-plugin")).toBe("seen");
    expect(deployment().upstream.requests).toBe(before);
  });

  test("changes the headers of requests and responses that go on", async () => {
    const answer = await deployment().request("/plain");
    expect(answer.echo?.headers).toMatchObject({ "x-plugin": "seen" });
    if (proxy.traits.honoursWholeAnswers) expect(answer.headers.get("x-plugin")).toBe("seen");
  });

  test.skipIf(!proxy.traits.honoursWholeAnswers)("changes the body of a response", async () => {
    const answer = await deployment().request("/change");
    expect(answer).toMatchObject({ status: 200, body: "changed by the plug-in" });
  });
});
