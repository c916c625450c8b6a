/** Guests that trap, loop or misuse a host function: what it costs, and what it does not (docs/http-wasm.md). */

import { describe, expect, test } from "bun:test";
import { BodyMemory } from "../../../../src/abi/http-wasm/body-memory.ts";
import { EventFailure } from "../../../../src/event/failure.ts";
import { type OpenOptions, inShort, OpenHttpWasm } from "../../../support/http-wasm-exchange.ts";
import { type HttpWasmWat, httpWasmWat, NEXT, wat } from "../../../support/http-wasm-wat.ts";

const LOOP = "(loop $forever (br $forever))";
const READ = (kind: number) =>
  `(drop (call $read_body (i32.const ${kind}) (i32.const 4096) (i32.const 100)))`;
const POST = { method: "POST", headers: { "content-length": ["5"] }, bodyFollows: true };
const FOLLOWS = { bodyFollows: true };
const BUFFERING = `(func (export "_start") ${wat.enable(3)})`;

const open = (guest: HttpWasmWat, options: OpenOptions = {}) =>
  OpenHttpWasm.open(httpWasmWat(guest), { timeoutMs: 50, ...options });

/** Where a guest fails, and the events that bring it there. */
const PLACES = {
  handle_request: async (failing: string) => {
    const opened = await open({ request: `${failing}${NEXT}` });
    return { opened, outcome: await opened.exchange().request() };
  },
  "handle_request, after it was suspended": async (failing: string) => {
    const opened = await open({ imports: ["read_body"], request: `${READ(0)}${failing}${NEXT}` });
    const exchange = opened.exchange();
    expect(inShort(await exchange.request(POST))).toBe("allow");
    return { opened, outcome: await exchange.requestBody("hello") };
  },
  "handle_request that could be suspended and was not": async (failing: string) => {
    const opened = await open({ imports: ["read_body"], request: `${failing}${NEXT}` });
    return { opened, outcome: await opened.exchange().request(POST) };
  },
  handle_response: async (failing: string) => {
    const opened = await open({ response: failing });
    const exchange = opened.exchange();
    await exchange.request();
    return { opened, outcome: await exchange.response() };
  },
  "handle_response, after it was suspended": async (failing: string) => {
    const opened = await open({
      imports: ["read_body", "enable_features"],
      more: BUFFERING,
      response: `${READ(1)}${failing}`,
    });
    const exchange = opened.exchange();
    await exchange.request();
    expect(inShort(await exchange.response(FOLLOWS))).toBe("allow");
    return { opened, outcome: await exchange.responseBody("hello") };
  },
} as const;

describe.each(Object.entries(PLACES))("in %s", (_place, run) => {
  test("a trap fails the event and costs the instance", async () => {
    const { opened, outcome } = await run("unreachable");
    expect(inShort(outcome)).toBe("guest-trap");
    expect(opened.guest.isBroken).toBe(true);
  });

  test("an endless loop is stopped at the deadline", async () => {
    const { opened, outcome } = await run(LOOP);
    expect(inShort(outcome)).toBe("guest-deadline");
    expect(opened.guest.isBroken).toBe(true);
  });

  test("memory beyond the cap is not given", async () => {
    const { outcome } = await run(
      "(if (i32.ne (memory.grow (i32.const 2048)) (i32.const -1)) (then unreachable))",
    );
    expect(inShort(outcome)).toBe("allow");
  });
});

describe("what a client gets to see", () => {
  test("is nothing of a trap: the failure is for the log, with the guest's own function names", async () => {
    const { outcome } = await PLACES.handle_request("unreachable");
    expect(outcome).toBeInstanceOf(EventFailure);
    expect((outcome as EventFailure).message).toContain("handle_request");
  });
});

test("a read of a body that cannot be there is answered however often it is asked", async () => {
  const opened = await open({
    imports: ["read_body"],
    request: `(local $i i32)
      (loop $again
        ${READ(0)}
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $i) (i32.const 1000))))
      ${NEXT}`,
  });
  expect(inShort(await opened.exchange().request())).toBe("allow");
});

describe("a loop of host functions is stopped at the deadline:", () => {
  test.each([
    ["get_header_names", "(drop (call $get_header_names (i32.const 0) (i32.const 4096) (i32.const 2048)))"],
    ["get_uri", "(drop (call $get_uri (i32.const 4096) (i32.const 2048)))"],
    ["log", "(call $log (i32.const 0) (i32.const 0) (i32.const 65536))"],
    ["set_uri", "(call $set_uri (i32.const 0) (i32.const 0))"],
    ["get_config", "(drop (call $get_config (i32.const 4096) (i32.const 65536)))"],
    ["enable_features", "(drop (call $enable_features (i32.const 3)))"],
    ["read_body", READ(0)],
  ])("%s", async (name, code) => {
    const opened = await open(
      { imports: [name as "log"], request: `(loop $forever ${code} (br $forever)) unreachable` },
      { configuration: new Uint8Array(60_000) },
    );
    expect(inShort(await opened.exchange().request())).toBe("guest-deadline");
  });
});

test("changes without end are bounded before they fill the agent's memory", async () => {
  const opened = await open(
    {
      imports: ["write_body"],
      request:
        "(loop $forever (call $write_body (i32.const 1) (i32.const 0) (i32.const 65536)) (br $forever)) unreachable",
    },
    { timeoutMs: 5000 },
  );
  expect(inShort(await opened.exchange().request())).toBe("guest-host-call");
});

describe("a guest that fails at the end of an exchange", () => {
  test("is broken, and the log says why", async () => {
    const opened = await open({ response: "unreachable" });
    const exchange = opened.exchange();
    await exchange.request();
    exchange.end();
    expect(opened.guest.isBroken).toBe(true);
    expect(opened.log.lines.filter(({ level }) => level === "error")).toMatchObject([
      { fields: { code: "guest-trap" } },
    ]);
  });

  test("says so when it does it later: it was suspended", async () => {
    const opened = await open({ imports: ["read_body"], request: `${READ(0)} unreachable` });
    const exchange = opened.exchange();
    await exchange.request(POST);
    exchange.end();
    expect(opened.brokenCalls).toBe(0);
    await Bun.sleep(1);
    expect(opened.brokenCalls).toBe(1);
    expect(opened.guest.isBroken).toBe(true);
  });
});

describe("calls that come at the same time", () => {
  test("wait for a handler that goes on", async () => {
    const opened = await open({ imports: ["read_body", "log"], request: `${wat.logBody(0)}${NEXT}` });
    const exchange = opened.exchange();
    await exchange.request(POST);
    const outcomes = await Promise.all([exchange.requestBody("hello"), exchange.response()]);
    expect(outcomes.map(inShort)).toEqual(["allow", "allow"]);
    expect(opened.lines).toEqual(["hello"]);
    expect(exchange.context.isDone).toBe(true);
  });

  test("wait for the end of the exchange before, which still runs", async () => {
    const opened = await open({ imports: ["read_body", "log"], request: `${wat.logBody(0)}${NEXT}` });
    const first = opened.exchange();
    await first.request(POST);
    const body = first.requestBody("hello");
    first.end();
    const second = opened.exchange();
    expect(inShort(await second.request())).toBe("allow");
    expect(inShort(await body)).toBe("allow");
    expect(opened.lines).toEqual(["hello", ""]);
  });
});

test("a guest that keeps nothing uses no more memory after many exchanges", async () => {
  const opened = await open({
    imports: ["read_body", "write_body", "enable_features"],
    texts: { more: "!" },
    more: BUFFERING,
    request: `${wat.append(0, "more")}${NEXT}`,
    response: wat.append(1, "more"),
  });
  const before = opened.guest.memoryBytes;
  for (let i = 0; i < 2000; i++) {
    const exchange = opened.exchange();
    expect(inShort(await exchange.request(POST))).toBe("allow");
    expect(inShort(await exchange.requestBody("hello", { isStreamed: true }))).toEqual({ body: "hello!" });
    expect(inShort(await exchange.response(FOLLOWS))).toBe("allow");
    expect(inShort(await exchange.responseBody("hello"))).toEqual({ body: "hello!" });
    exchange.end();
  }
  expect(opened.guest.memoryBytes).toBe(before);
});

describe("memory for bodies", () => {
  const reading: HttpWasmWat = { imports: ["read_body"], request: `${READ(0)}${NEXT}` };
  const piece = (bytes: number) => new Uint8Array(bytes);

  test("is bounded for all exchanges together, and given back", async () => {
    const memory = new BodyMemory(1000);
    memory.assertRoom(1000);
    memory.change(900);
    expect(() => memory.assertRoom(101)).toThrow("more than 1000 bytes");
    memory.change(-900);
    memory.assertRoom(1000);
  });

  test("is taken by what waits, and by nothing that was read or has ended", async () => {
    const opened = await open({ ...reading, more: "" });
    const { bodies } = opened.guest as unknown as { readonly bodies: BodyMemory };
    const exchange = opened.exchange();
    await exchange.request(POST);
    await exchange.requestBody(piece(60), { isStreamed: true, isLast: false });
    expect(bodies.keptBytes).toBe(60);
    await exchange.requestBody(piece(60), { isStreamed: true, isLast: false, chunkIndex: 1 });
    expect(bodies.keptBytes).toBe(0);
    await exchange.requestBody(piece(60), { isStreamed: true, chunkIndex: 2 });
    expect(bodies.keptBytes).toBe(0);
    exchange.end();

    const abandoned = opened.exchange();
    await abandoned.request(POST);
    await abandoned.requestBody(piece(60), { isStreamed: true, isLast: false });
    expect(bodies.keptBytes).toBe(60);
    abandoned.end();
    await Bun.sleep(1);
    expect(bodies.keptBytes).toBe(0);
  });

  test("is kept for handle_response by a guest that buffers requests", async () => {
    const opened = await open({
      imports: ["read_body", "enable_features", "log"],
      more: BUFFERING,
      request: `(drop (call $read_body (i32.const 0) (i32.const 4096) (i32.const 2)))${NEXT}`,
      response: wat.logBody(0),
    });
    const exchange = opened.exchange();
    await exchange.request(POST);
    await exchange.requestBody("hello");
    await exchange.response();
    expect(opened.lines).toEqual(["llo"]);
    expect((opened.guest as unknown as { readonly bodies: BodyMemory }).bodies.keptBytes).toBe(0);
  });
});
