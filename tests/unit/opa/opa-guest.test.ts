import { describe, expect, test } from "bun:test";
import type { BodyEvent, HeaderMap, RequestHeadersEvent } from "../../../src/event/event.ts";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import { openOpaGuest } from "../../opa/open-opa-guest.ts";
import { bundle } from "../../opa/tar.ts";
import { fourLetters, policyWat, type WatPolicy, watPolicy } from "../../opa/wat-policy.ts";
import { assembleWat } from "../../guests/assemble-guest.ts";
import { sampleRequest, sampleResponse } from "../../support/neutral-events.ts";
import { RecordedLog } from "../../support/recorded-log.ts";

const DENY_ON_BOOM = `
  (if (call $contains_boom (local.get $input) (local.get $length)) (then (return (call $decide_false))))
  (call $decide_true)`;
const BOOM = sampleRequest({ uri: "/boom" });
const DENIED = { decision: { kind: "block", status: 403, body: "" } };
const ALLOWED = { decision: { kind: "allow" } };

const open = async (policy: WatPolicy, options = {}) =>
  openOpaGuest(await watPolicy("policy", policy), options);

async function refusal(policy: WatPolicy, options = {}): Promise<string> {
  try {
    await open(policy, options);
  } catch (error) {
    if (error instanceof ModuleError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "no refusal";
}

describe("a policy", () => {
  test("decides by the request's headers", async () => {
    const guest = await open({ eval: DENY_ON_BOOM });
    expect(guest.call(sampleRequest())).toMatchObject(ALLOWED);
    expect(guest.call(BOOM)).toMatchObject(DENIED);
    expect(guest.instance.wantsRequest).toBe(false);
  });

  test("comes bare or in a bundle, with its data", async () => {
    const hasData = `
      (if (call $contains (local.get $data) (i32.const 16) (i32.const ${fourLetters("evil")})) (then (return (call $decide_false))))
      (call $decide_true)`;
    const policy = await watPolicy("policy", { eval: hasData });
    const data = { "/policy.wasm": policy, "/data.json": '{"w":"evil"}' };
    expect((await openOpaGuest(policy)).call(sampleRequest())).toMatchObject(ALLOWED);
    expect((await openOpaGuest(bundle(data))).call(sampleRequest())).toMatchObject(DENIED);
    const own = { opa: { dataJson: '{"w":"good"}' } };
    expect((await openOpaGuest(bundle(data), own)).call(sampleRequest())).toMatchObject(ALLOWED);
  });

  test("a request that no input can show is refused without asking it", async () => {
    const guest = await open({ eval: "(unreachable)" });
    expect(guest.call(sampleRequest({ uri: "/%zz" }))).toMatchObject({
      decision: { kind: "block", status: 400 },
    });
    expect(guest.instance.isBroken).toBe(false);
  });

  test("is undefined without its instance being lost", async () => {
    const guest = await open({ data: new Map([[1024, "[]"]]), eval: "(i32.const 1024)" });
    expect(guest.failureOf(BOOM)).toStartWith("guest-decision-undefined: test/allow is undefined");
    expect(guest.instance.isBroken).toBe(false);
  });

  test("takes inputs that are larger than its memory was, and its data stays", async () => {
    const guest = await open({ eval: DENY_ON_BOOM }, { opa: { dataJson: '{"k":"v"}' } });
    const large = sampleRequest({ headers: { a: ["x".repeat(1024 * 1024)], b: ["boom"] } });
    for (let i = 0; i < 50; i++) expect(guest.call(large)).toMatchObject(DENIED);
    expect(guest.instance.memoryBytes).toBeLessThan(2 * 1024 * 1024);
    expect(guest.call(sampleRequest())).toMatchObject(ALLOWED);
  });

  test("100,000 evaluations leave its memory where it was", async () => {
    const guest = await open({ eval: DENY_ON_BOOM });
    guest.call(BOOM);
    const before = guest.instance.memoryBytes;
    for (let i = 0; i < 100_000; i++) guest.call(BOOM);
    expect(guest.instance.memoryBytes).toBe(before);
  });
});

describe("entrypoints", () => {
  const eval_ = `(if (result i32) (local.get $entrypoint) (then (call $decide_false)) (else (call $decide_true)))`;

  test.each([
    ["the only one", '{"a/b":1}', {}],
    ["the one of OPA's plug-in for Envoy", '{"a/b":0,"envoy/authz/allow":1}', {}],
    ["the one that is named", '{"a/b":0,"c/d":1}', { entrypoint: "c/d" }],
    ["the one that is named as a reference", '{"a/b":0,"c/d":1}', { entrypoint: "data.c.d" }],
    ["the one that is named with a slash", '{"a/b":0,"c/d":1}', { entrypoint: "/c/d" }],
  ])("%s decides", async (_, entrypoints, opa) => {
    expect((await open({ entrypoints, eval: eval_ }, { opa })).call(BOOM)).toMatchObject(DENIED);
  });

  test("the manifest's decides where it names one", async () => {
    const policy = await watPolicy("policy", { entrypoints: '{"a/b":0,"c/d":1}', eval: eval_ });
    const manifest = JSON.stringify({ wasm: [{ entrypoint: "c/d", module: "/policy.wasm" }] });
    expect(
      (await openOpaGuest(bundle({ "/policy.wasm": policy, "/.manifest": manifest }))).call(BOOM),
    ).toMatchObject(DENIED);
  });

  test("several and no name is an error that lists them", async () => {
    expect(await refusal({ entrypoints: '{"a/b":0,"c/d":1}', eval: eval_ })).toBe(
      'module-missing-export: the policy has several entrypoints; name one with --entrypoint: "a/b", "c/d"',
    );
  });

  test("an unknown name is an error that lists them", async () => {
    const opa = { entrypoint: "x/y" };
    expect(await refusal({ entrypoints: '{"a/b":0}', eval: eval_ }, { opa })).toContain(
      'no entrypoint "x/y", which --entrypoint names; it has "a/b"',
    );
    expect(
      await refusal({ entrypoints: '{"a/b":0}', eval: eval_ }, { opa: { responseEntrypoint: "x" } }),
    ).toContain("--response-entrypoint");
  });
});

describe("a policy is refused", () => {
  const eval_ = "(call $decide_true)";

  test("when its ABI is of another version", async () => {
    expect(await refusal({ version: [2, 0], eval: eval_ })).toStartWith(
      "module-wrong-signature: the policy has version 2.0",
    );
    expect(await refusal({ version: [1, 1], eval: eval_ })).toStartWith(
      "module-wrong-signature: the policy has version 1.1",
    );
  });

  test("when it does not say its version, being older than that", async () => {
    const wat = policyWat({ eval: eval_ }).replace(
      /\(global \(export "opa_wasm_abi_\w+"\) i32 \(i32.const \d\)\)/g,
      "",
    );
    const refused: unknown = await openOpaGuest(await assembleWat("old", wat)).catch(
      (error: unknown) => error,
    );
    expect((refused as ModuleError).message).toContain("built before OPA 0.27");
  });

  test("when it lacks a function, or has one of another type", async () => {
    expect(await refusal({ exports: { opa_json_dump: "" }, eval: eval_ })).toContain(
      "does not export the function `opa_json_dump`",
    );
    const other = { opa_malloc: '(func (export "opa_malloc") (result i32) (i32.const 0))' };
    expect(await refusal({ exports: other, eval: eval_ })).toContain("exports `opa_malloc` as () -> i32");
  });

  test("when it needs functions that this agent does not have: all are named at once", async () => {
    const builtins = '{"no.such":1,"time.now_ns":2,"graphql.parse":3}';
    expect(await refusal({ builtins, eval: eval_ })).toBe(
      'module-missing-import: the policy calls built-in functions of OPA that this agent does not have: "no.such", "graphql.parse"; docs/opa-wasm.md lists those it has',
    );
  });

  test("when it needs the world outside, with what to do instead", async () => {
    expect(await refusal({ builtins: '{"http.send":1}', eval: eval_ })).toContain(
      "http.send would have to wait for the world outside",
    );
  });

  test.each([
    ["no object", "[]"],
    ["no JSON", "builtins"],
    ["no numbers", '{"a":"b"}'],
  ])("when what it says of its functions is %s", async (_, builtins) => {
    expect(await refusal({ builtins, eval: eval_ })).toStartWith("module-start-failed");
  });

  test("when it cannot read its data", async () => {
    const exports = {
      opa_json_parse: '(func (export "opa_json_parse") (param i32 i32) (result i32) (i32.const 0))',
    };
    expect(await refusal({ exports, eval: eval_ })).toContain("cannot read its data");
  });

  test("when its data does not fit under the memory cap", async () => {
    const opa = { dataJson: JSON.stringify({ a: "x".repeat(2 * 1024 * 1024) }) };
    expect(await refusal({ eval: eval_ }, { opa, maxMemoryBytes: 1024 * 1024 })).toStartWith(
      "module-start-failed",
    );
  });

  test("when reading its data takes too long", async () => {
    const exports = {
      opa_json_parse:
        '(func (export "opa_json_parse") (param i32 i32) (result i32) (loop $l (br $l)) (i32.const 0))',
    };
    expect(await refusal({ exports, eval: eval_ }, { startTimeoutMs: 50 })).toStartWith(
      "module-start-deadline",
    );
  });
});

describe("request bodies", () => {
  const opa = { decidesOnBody: true };
  const posting = (headers: HeaderMap): RequestHeadersEvent =>
    sampleRequest({ method: "POST", uri: "/boom", headers: { host: ["a.test"], ...headers } });
  const bodyOf = (text: string, more: Partial<BodyEvent> = {}): BodyEvent => ({
    kind: "request-body-chunk",
    correlationId: "id",
    bytes: Buffer.from(text),
    isLast: true,
    chunkIndex: 0,
    totalBytes: text.length,
    bytesSoFar: text.length,
    request: sampleRequest({ method: "POST" }),
    ...more,
  });

  test("without the proxy's word that it sends them, headers decide", async () => {
    const guest = await open({ eval: DENY_ON_BOOM });
    expect(guest.call(posting({ "content-length": ["10"] }))).toMatchObject(DENIED);
    expect(guest.call(bodyOf("boom"))).toMatchObject(ALLOWED);
  });

  test("a request that announces a body is decided at its body", async () => {
    const guest = await open({ eval: DENY_ON_BOOM }, { opa });
    expect(guest.instance.wantsRequest).toBe(true);
    expect(guest.call(posting({ "content-length": ["10"] }))).toMatchObject(ALLOWED);
    expect(guest.call(bodyOf("harmless"))).toMatchObject(ALLOWED);
    expect(guest.call(bodyOf("a boom"))).toMatchObject(DENIED);
  });

  test.each([
    ["no body", {}],
    ["an empty body", { "content-length": ["0"] }],
    ["a body of unknown length, which may be empty", { "transfer-encoding": ["chunked"] }],
    ["two framings", { "content-length": ["10"], "transfer-encoding": ["chunked"] }],
    [
      "an upgrade, behind which bodies are not inspected",
      { "content-length": ["10"], upgrade: ["websocket"] },
    ],
    ["a length that is none", { "content-length": ["ten"] }],
  ])("a request with %s is decided at its headers", async (_, headers) => {
    const guest = await open({ eval: DENY_ON_BOOM }, { opa });
    expect(guest.call(posting(headers as HeaderMap))).toMatchObject(DENIED);
  });

  test("of a body in pieces the first decides, as a truncated one", async () => {
    const eval_ = `(if (call $contains (local.get $input) (local.get $length) (i32.const ${fourLetters('y":t')})) (then (return (call $decide_false)))) (call $decide_true)`;
    const guest = await open({ eval: eval_ }, { opa });
    const request = sampleRequest({ headers: { "content-type": ["application/json"] } });
    const piece = { request, totalBytes: null, isLast: false };
    expect(guest.call(bodyOf('{"a":', piece))).toMatchObject(DENIED);
    expect(guest.call(bodyOf("1}", { ...piece, chunkIndex: 1 }))).toMatchObject(ALLOWED);
  });

  test("a body whose request is not there any more is a failure", async () => {
    const guest = await open({ eval: DENY_ON_BOOM }, { opa });
    expect(guest.failureOf(bodyOf("x", { request: undefined }))).toStartWith("exchange-unknown");
    expect(guest.instance.isBroken).toBe(false);
  });

  test("invalid JSON is refused with 400", async () => {
    const guest = await open({ eval: DENY_ON_BOOM }, { opa });
    const request = sampleRequest({ headers: { "content-type": ["application/json"] } });
    expect(guest.call(bodyOf("{", { request }))).toMatchObject({ decision: { kind: "block", status: 400 } });
  });
});

describe("responses", () => {
  const entrypoints = '{"test/allow":0,"test/response":1}';
  const opa = { entrypoint: "test/allow", responseEntrypoint: "test/response" };

  test("are allowed unless a rule is named for them", async () => {
    const guest = await open({ eval: "(call $decide_false)" });
    expect(guest.call(sampleResponse())).toMatchObject(ALLOWED);
  });

  test("are decided by that rule, which sees response and request", async () => {
    const eval_ = `
      (if (i32.eqz (local.get $entrypoint)) (then (return (call $decide_true))))
      (if (i32.eqz (call $contains (local.get $input) (local.get $length) (i32.const ${fourLetters('s":4')}))) (then (return (call $decide_true))))
      ${DENY_ON_BOOM}`;
    const guest = await open({ entrypoints, eval: eval_ }, { opa });
    const response = (status: number, request = BOOM) => ({ ...sampleResponse({ status }), request });
    expect(guest.call(response(404))).toMatchObject(DENIED);
    expect(guest.call(response(200))).toMatchObject(ALLOWED);
    expect(guest.call(response(404, sampleRequest()))).toMatchObject(ALLOWED);
    expect(guest.failureOf(sampleResponse())).toStartWith("exchange-unknown");
  });
});

describe("data of the proxy's configuration", () => {
  const eval_ = `
    (if (call $contains (local.get $data) (i32.const 64) (i32.const ${fourLetters("evil")})) (then (return (call $decide_false))))
    (call $decide_true)`;
  const configure = (
    guest: { instance: { configure(json: string, ms: number): unknown } },
    config: unknown,
  ) => guest.instance.configure(JSON.stringify(config), 1000);

  test("replaces keys at the top, and comes back to the file's when it is gone", async () => {
    const guest = await open(
      { eval: eval_ },
      { opa: { dataJson: '{"words":["evil"],"n":12345678901234567890}' } },
    );
    expect(guest.call(BOOM)).toMatchObject(DENIED);
    expect(configure(guest, { data: { words: [] } })).toBeNull();
    expect(guest.call(BOOM)).toMatchObject(ALLOWED);
    expect(configure(guest, { data: { others: ["evil"] } })).toBeNull();
    expect(guest.call(BOOM)).toMatchObject(DENIED);
    expect(configure(guest, { "pool-size": 2 })).toBeNull();
    expect(guest.call(BOOM)).toMatchObject(DENIED);
  });

  test("that is no object is refused, and what held before holds", async () => {
    const guest = await open({ eval: eval_ });
    expect(configure(guest, { data: { w: "evil" } })).toBeNull();
    expect(configure(guest, { data: ["evil"] })).toMatchObject({ code: "guest-configuration-refused" });
    expect(guest.call(BOOM)).toMatchObject(DENIED);
  });

  test("that does not fit costs the instance", async () => {
    const guest = await open({ eval: eval_ }, { maxMemoryBytes: 1024 * 1024 });
    expect(configure(guest, { data: { w: "x".repeat(2 * 1024 * 1024) } })).toMatchObject({
      code: "guest-abort",
    });
    expect(guest.instance.isBroken).toBe(true);
  });
});

describe("what a policy says", () => {
  test("that it changes the query is warned about once", async () => {
    const log = new RecordedLog();
    const text = '[{"result":{"allowed":true,"query_parameters_to_set":{"a":"b"}}}]';
    const guest = await open({ data: new Map([[1024, text]]), eval: "(i32.const 1024)" }, { log });
    for (let i = 0; i < 3; i++) expect(guest.call(BOOM)).toMatchObject(ALLOWED);
    expect(log.lines.filter(({ level }) => level === "warn")).toHaveLength(1);
  });
});
