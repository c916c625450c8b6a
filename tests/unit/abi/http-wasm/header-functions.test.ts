/** Host functions about header fields (docs/http-wasm.md). */

import { describe, expect, test } from "bun:test";
import type { HeaderMap } from "../../../../src/event/event.ts";
import { BUFFER, HostCalls, PAGE } from "./host-calls.ts";

const REQUEST = 0;
const RESPONSE = 1;
const TRAILERS = [2, 3] as const;
const BUFFER_RESPONSE = 2;

/** Calls of one name and value. */
function write(calls: HostCalls, name: string, kind: number, field: string, value?: string): string | null {
  const texts = [...calls.put(field), ...(value === undefined ? [] : calls.put(value))];
  return calls.failureOf(name, kind, ...texts);
}

describe("get_header_names", () => {
  test("gives each once, in lower case and sorted, with the host", () => {
    const headers = { host: ["a.test"], "X-B": ["1"], accept: ["a", "b"], "x-b": ["2"] };
    expect(new HostCalls({ headers }).names(REQUEST)).toEqual(["accept", "host", "x-b"]);
  });

  test("gives count and length of what ends with NUL, and writes nothing where the limit is less", () => {
    const calls = new HostCalls({ headers: { host: ["a"], ab: ["c"] } });
    expect(calls.callPacked("get_header_names", REQUEST, BUFFER, 0)).toEqual([2, 8]);
    expect(calls.callPacked("get_header_names", REQUEST, BUFFER, 7)).toEqual([2, 8]);
    expect(calls.text(BUFFER, 8)).toBe("\0".repeat(8));
    expect(calls.callPacked("get_header_names", REQUEST, BUFFER, 8)).toEqual([2, 8]);
    expect(calls.text(BUFFER, 8)).toBe("ab\0host\0");
  });

  test("gives more than a usual buffer holds when it is asked again", () => {
    const headers: Record<string, string[]> = {};
    for (let i = 0; i < 200; i++) headers[`x-header-number-${i}`] = ["v"];
    const calls = new HostCalls({ headers });
    const [count, length] = calls.callPacked("get_header_names", REQUEST, BUFFER, 2048);
    expect(count).toBe(200);
    expect(length).toBeGreaterThan(2048);
    expect(calls.callPacked("get_header_names", REQUEST, BUFFER, length)).toEqual([count, length]);
    expect(calls.names(REQUEST)).toEqual(Object.keys(headers).sort());
  });

  test("gives none as 0", () => {
    expect(new HostCalls({ headers: {} }).callPacked("get_header_names", REQUEST, BUFFER, 64)).toEqual([
      0, 0,
    ]);
    expect(new HostCalls().callPacked("get_header_names", RESPONSE, BUFFER, 64)).toEqual([0, 0]);
  });

  test("gives those of the upstream's response in handle_response", () => {
    expect(new HostCalls({ phase: "response" }).names(RESPONSE)).toEqual(["server"]);
  });
});

describe("get_header_values", () => {
  const headers: HeaderMap = { "x-a": ["1", "2, 3"], "x-empty": [""], __proto__: ["p"] };

  test.each([
    ["x-a", ["1", "2, 3"]],
    ["X-A", ["1", "2, 3"]],
    ["x-empty", [""]],
    ["x-none", []],
    ["constructor", []],
  ])("of %p", (name, expected) => {
    expect(new HostCalls({ headers }).values(REQUEST, name)).toEqual(expected);
  });

  test("gives count and length of an empty value", () => {
    const calls = new HostCalls({ headers });
    const name = calls.put("x-empty");
    expect(calls.callPacked("get_header_values", REQUEST, ...name, BUFFER, 64)).toEqual([1, 1]);
  });

  test("a name that JavaScript has a use for is one like any other", () => {
    const own = JSON.parse('{"__proto__":["p"]}') as HeaderMap;
    expect(new HostCalls({ headers: own }).values(REQUEST, "__proto__")).toEqual(["p"]);
    expect(new HostCalls({ headers: {} }).values(REQUEST, "__proto__")).toEqual([]);
  });

  test("a value ends at a NUL, which would look like its end", () => {
    expect(new HostCalls({ headers: { a: ["b\0c"] } }).values(REQUEST, "a")).toEqual(["b"]);
  });

  test("ends the call for an empty name and for ranges outside of memory", () => {
    expect(new HostCalls().failureOf("get_header_values", REQUEST, 0, 0, BUFFER, 64)).toBe("guest-host-call");
    expect(new HostCalls().failureOf("get_header_values", REQUEST, PAGE, 1, BUFFER, 64)).toBe(
      "guest-host-call",
    );
    const calls = new HostCalls({ headers });
    const name = calls.put("x-a");
    expect(calls.failureOf("get_header_values", REQUEST, ...name, PAGE - 1, 64)).toBe("guest-host-call");
  });
});

describe.each([
  ["request", REQUEST],
  ["response", RESPONSE],
] as const)("changes of %s headers", (_what, kind) => {
  const opened = () => new HostCalls({ headers: { "x-old": ["bear"], host: ["a.test"] } });
  const fields = (calls: HostCalls) =>
    (kind === REQUEST ? calls.exchange!.request : calls.exchange!.response).headers;

  test("are seen by the guest, in any letter case", () => {
    const calls = opened();
    write(calls, "set_header_value", kind, "X-New", "1");
    write(calls, "add_header_value", kind, "x-new", "2");
    expect(calls.values(kind, "x-NEW")).toEqual(["1", "2"]);
    write(calls, "set_header_value", kind, "x-NEW", "3");
    expect(calls.values(kind, "x-new")).toEqual(["3"]);
    write(calls, "remove_header", kind, "X-new");
    expect(calls.values(kind, "x-new")).toEqual([]);
    expect(calls.names(kind)).not.toContain("x-new");
  });

  test("are operations in the order in which they were made", () => {
    const calls = opened();
    write(calls, "set_header_value", kind, "X-A", "1");
    write(calls, "add_header_value", kind, "set-cookie", "a=b");
    write(calls, "add_header_value", kind, "set-cookie", "c=d");
    write(calls, "remove_header", kind, "x-old");
    write(calls, "remove_header", kind, "x-never-there");
    expect(fields(calls).takeOps()).toEqual([
      { op: "set", name: "X-A", value: "1" },
      { op: "add", name: "set-cookie", value: "a=b" },
      { op: "add", name: "set-cookie", value: "c=d" },
      { op: "remove", name: "x-old" },
      { op: "remove", name: "x-never-there" },
    ]);
    expect(fields(calls).takeOps()).toEqual([]);
    expect(calls.values(kind, "set-cookie")).toEqual(["a=b", "c=d"]);
  });

  test("may set an empty value", () => {
    const calls = opened();
    expect(write(calls, "set_header_value", kind, "x-a", "")).toBeNull();
    expect(calls.values(kind, "x-a")).toEqual([""]);
  });

  test("that HTTP cannot carry fail the event, and the guest goes on", () => {
    for (const [name, value, code] of [
      ["x a", "1", "guest-header-name"],
      ["x-a", "1\r\nx-b: 2", "guest-header-value"],
    ] as const) {
      const calls = opened();
      expect(write(calls, "set_header_value", kind, name, value)).toBeNull();
      expect(write(calls, "add_header_value", kind, "x-ok", "1")).toBeNull();
      expect(calls.exchange!.refused?.code).toBe(code);
      expect(fields(calls).takeOps()).toEqual([{ op: "add", name: "x-ok", value: "1" }]);
    }
  });

  test.each(["set_header_value", "add_header_value"])("%s ends the call for bad arguments", (name) => {
    expect(write(opened(), name, kind, "", "v")).toBe("guest-host-call");
    expect(opened().failureOf(name, kind, PAGE, 1, 0, 0)).toBe("guest-host-call");
    const calls = opened();
    expect(calls.failureOf(name, kind, ...calls.put("x"), PAGE - 1, 2)).toBe("guest-host-call");
    const bytes = opened();
    expect(bytes.failureOf(name, kind, ...bytes.put("x"), ...bytes.put(Uint8Array.of(0xff)))).toBe(
      "guest-host-call",
    );
  });

  test("are bounded in size", () => {
    const calls = opened();
    const [pointer] = calls.put("v".repeat(10_000));
    const name = calls.put("x");
    const failures: (string | null)[] = [];
    for (let i = 0; i < 200; i++)
      failures.push(calls.failureOf("add_header_value", kind, ...name, pointer, 10_000));
    expect(failures[50]).toBeNull();
    expect(failures.at(-1)).toBe("guest-host-call");
  });
});

test("removing ends the call for an empty name", () => {
  expect(write(new HostCalls(), "remove_header", REQUEST, "")).toBe("guest-host-call");
});

describe.each(TRAILERS)("trailers (kind %d)", (kind) => {
  test("read as none", () => {
    const calls = new HostCalls();
    expect(calls.names(kind)).toEqual([]);
    expect(calls.values(kind, "grpc-status")).toEqual([]);
  });

  test.each(["set_header_value", "add_header_value"])("end the call of %s", (name) => {
    expect(write(new HostCalls(), name, kind, "x", "1")).toBe("guest-host-call");
  });

  test("end the call of remove_header", () => {
    expect(write(new HostCalls(), "remove_header", kind, "x")).toBe("guest-host-call");
  });
});

test.each([-1, 4, 99])("the header kind %d ends the call", (kind) => {
  const calls = () => new HostCalls();
  expect(calls().failureOf("get_header_names", kind, BUFFER, 64)).toBe("guest-host-call");
  const reading = calls();
  expect(reading.failureOf("get_header_values", kind, ...reading.put("x"), BUFFER, 64)).toBe(
    "guest-host-call",
  );
  for (const name of ["set_header_value", "add_header_value"]) {
    expect(write(calls(), name, kind, "x", "1")).toBe("guest-host-call");
  }
  expect(write(calls(), "remove_header", kind, "x")).toBe("guest-host-call");
});

describe("what is allowed when", () => {
  const WRITERS = ["set_header_value", "add_header_value", "remove_header"] as const;

  test("a guest that starts reads and writes none", () => {
    const calls = () => new HostCalls({ phase: "start" });
    expect(calls().failureOf("get_header_names", REQUEST, BUFFER, 64)).toBe("guest-host-call");
    for (const name of WRITERS) expect(write(calls(), name, REQUEST, "x", "1")).toBe("guest-host-call");
  });

  test("handle_response reads request headers and cannot write them", () => {
    const calls = () => new HostCalls({ phase: "response", features: 3 });
    expect(calls().names(REQUEST)).toEqual(["host"]);
    for (const name of WRITERS) expect(write(calls(), name, REQUEST, "x", "1")).toBe("guest-host-call");
  });

  test("handle_response writes response headers with buffer_response only", () => {
    for (const name of WRITERS) {
      const plain = new HostCalls({ phase: "response", features: 1 });
      expect(write(plain, name, RESPONSE, "x", "1")).toBe("guest-host-call");
      const buffering = new HostCalls({ phase: "response", features: BUFFER_RESPONSE });
      expect(write(buffering, name, RESPONSE, "x", "1")).toBeNull();
    }
  });
});

test("a guest that asks again and again pays for it", () => {
  const calls = new HostCalls({ headers: { "x-long": ["v".repeat(8000)] } });
  const name = calls.put("x-long");
  calls.callPacked("get_header_values", REQUEST, ...name, BUFFER, 0);
  expect(calls.work.reduce((sum, units) => sum + units, 0)).toBeGreaterThanOrEqual(1000);
});
