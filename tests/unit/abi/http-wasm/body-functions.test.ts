/** Host functions about bodies and the status (docs/http-wasm.md). */

import { describe, expect, test } from "bun:test";
import { BUFFER, HostCalls, type HostCallsOptions, PAGE } from "./host-calls.ts";

const REQUEST = 0;
const RESPONSE = 1;
const BUFFER_REQUEST = 1;
const BUFFER_RESPONSE = 2;

/** Calls that read a body which is there as a whole. */
function withBody(text: string, options: HostCallsOptions = {}): HostCalls {
  const calls = new HostCalls(options);
  const { request, response } = calls.exchange!;
  const { bodyReader } = options.phase === "response" ? response : request;
  // Pieces, so that reads go across their borders.
  for (let at = 0; at < text.length; at += 1000) bodyReader.push(Buffer.from(text.slice(at, at + 1000)));
  bodyReader.end(false);
  return calls;
}

/** Reads to the end like a guest with a buffer of this size. */
function readAll(calls: HostCalls, kind: number, limit: number): { text: string; reads: number } {
  let text = "";
  for (let reads = 1; reads < 10_000; reads++) {
    const [end, length] = calls.callPacked("read_body", kind, BUFFER, limit);
    text += calls.text(BUFFER, length);
    if (end === 1) return { text, reads };
    if (length !== limit) throw new Error("a read before the end did not fill the buffer");
  }
  throw new Error("the body has no end");
}

describe("read_body", () => {
  test.each([0, 1, 5, 2047, 2048, 2049, 4096, 5000])("reads %d bytes with a buffer of 2048", (size) => {
    const text = "abcdefghij".repeat(500).slice(0, size);
    expect(readAll(withBody(text), REQUEST, 2048).text).toBe(text);
  });

  test("reads one byte at a time", () => {
    expect(readAll(withBody("hello"), REQUEST, 1)).toEqual({ text: "hello", reads: 5 });
  });

  test("marks the end with the read that reaches it, and gives nothing after it", () => {
    const calls = withBody("hello");
    expect(calls.callPacked("read_body", REQUEST, BUFFER, 5)).toEqual([1, 5]);
    expect(calls.callPacked("read_body", REQUEST, BUFFER, 5)).toEqual([1, 0]);
  });

  test("ends the call for a limit of 0, an unknown kind and a range outside of memory", () => {
    expect(withBody("x").failureOf("read_body", REQUEST, BUFFER, 0)).toBe("guest-host-call");
    for (const kind of [-1, 2])
      expect(withBody("x").failureOf("read_body", kind, BUFFER, 1)).toBe("guest-host-call");
    expect(withBody("x").failureOf("read_body", REQUEST, PAGE - 1, 2)).toBe("guest-host-call");
    expect(withBody("x").failureOf("read_body", REQUEST, 1, -1)).toBe("guest-host-call");
  });

  test("gives what is there and then the end to a guest that cannot be suspended", () => {
    const calls = new HostCalls();
    const { bodyReader } = calls.exchange!.request;
    bodyReader.push(Buffer.from("half"));
    expect(calls.callPacked("read_body", REQUEST, BUFFER, 64)).toEqual([1, 4]);
    expect(bodyReader.wasReadToEnd).toBe(true);
  });

  test("gives the end of a response that is not there yet", () => {
    expect(new HostCalls().callPacked("read_body", RESPONSE, BUFFER, 64)).toEqual([1, 0]);
  });

  test("reads a response with buffer_response only", () => {
    const plain = withBody("hello", { phase: "response", features: BUFFER_REQUEST });
    expect(plain.failureOf("read_body", RESPONSE, BUFFER, 64)).toBe("guest-host-call");
    const buffering = withBody("hello", { phase: "response", features: BUFFER_RESPONSE });
    expect(readAll(buffering, RESPONSE, 2).text).toBe("hello");
  });

  test("reads the request in handle_response with buffer_request only, from where it stopped", () => {
    const plain = new HostCalls({ phase: "response", features: BUFFER_RESPONSE });
    expect(plain.failureOf("read_body", REQUEST, BUFFER, 64)).toBe("guest-host-call");
    const buffering = new HostCalls({ phase: "response", features: BUFFER_REQUEST });
    const { request } = buffering.exchange!;
    request.bodyReader.push(Buffer.from("rest"));
    expect(buffering.callPacked("read_body", REQUEST, BUFFER, 64)).toEqual([1, 4]);
  });

  test("ends the call of a guest that starts", () => {
    expect(new HostCalls({ phase: "start" }).failureOf("read_body", REQUEST, BUFFER, 1)).toBe(
      "guest-host-call",
    );
  });
});

describe.each([
  ["request", REQUEST],
  ["response", RESPONSE],
] as const)("write_body of a %s", (_what, kind) => {
  const writer = (calls: HostCalls) =>
    (kind === REQUEST ? calls.exchange!.request : calls.exchange!.response).bodyWriter;
  const written = (calls: HostCalls) => {
    const bytes = writer(calls).toBytes();
    return bytes === null ? null : Buffer.from(bytes).toString();
  };

  test("replaces the body once and then appends", () => {
    const calls = withBody("before");
    expect(written(calls)).toBeNull();
    calls.call("write_body", kind, ...calls.put("hello "));
    calls.call("write_body", kind, ...calls.put("world"));
    expect(written(calls)).toBe("hello world");
  });

  test("of 0 bytes empties the body", () => {
    const calls = withBody("before");
    calls.call("write_body", kind, 0, 0);
    expect(written(calls)).toBe("");
  });

  test("takes any bytes", () => {
    const calls = new HostCalls();
    calls.call("write_body", kind, ...calls.put(Uint8Array.of(0, 255, 10)));
    expect([...writer(calls).toBytes()!]).toEqual([0, 255, 10]);
  });

  test("is bounded in size", () => {
    const calls = new HostCalls();
    const failures: (string | null)[] = [];
    for (let i = 0; i < 300; i++) failures.push(calls.failureOf("write_body", kind, 0, 60_000));
    expect(failures[199]).toBeNull();
    expect(failures[200]).toBe("guest-host-call");
  });

  test("ends the call for a range outside of memory", () => {
    expect(new HostCalls().failureOf("write_body", kind, PAGE, 1)).toBe("guest-host-call");
    expect(new HostCalls().failureOf("write_body", kind, 0, -1)).toBe("guest-host-call");
  });
});

test("what was read can be written back", () => {
  const calls = withBody("hello");
  const { text } = readAll(calls, REQUEST, 2048);
  calls.call("write_body", REQUEST, ...calls.put(text));
  expect(Buffer.from(calls.exchange!.request.bodyWriter.toBytes()!).toString()).toBe("hello");
});

test("a response with content-length 0 is empty, whatever was written", () => {
  const calls = new HostCalls();
  calls.call("write_body", RESPONSE, ...calls.put("leak"));
  calls.call("set_header_value", RESPONSE, ...calls.put("Content-Length"), ...calls.put("0"));
  expect(calls.exchange!.response.bodyWriter.toBytes()).toEqual(new Uint8Array(0));
});

describe("writing a body when it is not allowed ends the call", () => {
  const write = (options: HostCallsOptions, kind: number) => {
    const calls = new HostCalls(options);
    return calls.failureOf("write_body", kind, ...calls.put("x"));
  };

  test("while the guest starts", () => {
    for (const kind of [REQUEST, RESPONSE]) expect(write({ phase: "start" }, kind)).toBe("guest-host-call");
  });

  test("of the request in handle_response", () => {
    expect(write({ phase: "response", features: 3 }, REQUEST)).toBe("guest-host-call");
  });

  test("of the response in handle_response without buffer_response", () => {
    expect(write({ phase: "response", features: BUFFER_REQUEST }, RESPONSE)).toBe("guest-host-call");
    expect(write({ phase: "response", features: BUFFER_RESPONSE }, RESPONSE)).toBeNull();
  });

  test.each([-1, 2])("of the kind %d", (kind) => {
    expect(write({}, kind)).toBe("guest-host-call");
  });
});

describe("the status", () => {
  test("is 200 until something sets it", () => {
    const calls = new HostCalls();
    expect(calls.call("get_status_code")).toBe(200);
    calls.call("set_status_code", 404);
    expect(calls.call("get_status_code")).toBe(404);
  });

  test("is the upstream's in handle_response, also without buffer_response", () => {
    expect(new HostCalls({ phase: "response", status: 503 }).call("get_status_code")).toBe(503);
  });

  test("is set in handle_response with buffer_response only", () => {
    expect(new HostCalls({ phase: "response" }).failureOf("set_status_code", 404)).toBe("guest-host-call");
    expect(new HostCalls({ phase: "response", features: 2 }).failureOf("set_status_code", 404)).toBeNull();
  });

  test("ends the call of a guest that starts", () => {
    expect(new HostCalls({ phase: "start" }).failureOf("set_status_code", 404)).toBe("guest-host-call");
    expect(new HostCalls({ phase: "start" }).failureOf("get_status_code")).toBe("guest-host-call");
  });
});
