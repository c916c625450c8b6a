/** Host functions about the request line and the connection (docs/http-wasm.md). */

import { describe, expect, test } from "bun:test";
import { BUFFER, HostCalls, PAGE } from "./host-calls.ts";

const GETTERS = ["get_method", "get_uri", "get_protocol_version", "get_source_addr"] as const;

describe.each(GETTERS)("%s", (name) => {
  const facts = { method: "OPTIONS", uri: "/a?b=c", clientAddress: "192.0.2.1", clientPort: 1234 };

  test("returns the length and writes nothing where the limit is less", () => {
    const calls = new HostCalls(facts);
    const length = calls.call(name, BUFFER, 4096)!;
    const fresh = new HostCalls(facts);
    expect(fresh.call(name, BUFFER, 0)).toBe(length);
    expect(fresh.call(name, BUFFER, length - 1)).toBe(length);
    expect(fresh.text(BUFFER, length)).toBe("\0".repeat(length));
    expect(fresh.call(name, BUFFER, length)).toBe(length);
    expect(fresh.text(BUFFER, length)).toBe(calls.text(BUFFER, length));
  });

  test("takes limits as unsigned numbers", () => {
    const calls = new HostCalls(facts);
    expect(calls.call(name, BUFFER, -1)).toBe(calls.call(name, BUFFER, 0)!);
    expect(calls.text(BUFFER, 1)).not.toBe("\0");
  });

  test("ends the call for a range outside of memory, unless nothing is written there", () => {
    const calls = new HostCalls(facts);
    expect(calls.failureOf(name, PAGE - 2, 4096)).toBe("guest-host-call");
    expect(new HostCalls(facts).failureOf(name, -1, 4096)).toBe("guest-host-call");
    expect(new HostCalls(facts).failureOf(name, -1, 0)).toBeNull();
  });

  test("ends the call of a guest that starts", () => {
    expect(new HostCalls({ phase: "start" }).failureOf(name, BUFFER, 64)).toBe("guest-host-call");
  });

  test("is there in handle_response, too", () => {
    expect(new HostCalls({ ...facts, phase: "response" }).failureOf(name, BUFFER, 64)).toBeNull();
  });
});

describe("get_uri", () => {
  test.each([
    ["", "/"],
    ["/", "/"],
    ["//foo", "//foo"],
    ["/foo?", "/foo?"],
    ["/a%20b%2Fc?x=%26&y", "/a%20b%2Fc?x=%26&y"],
    ["*", "*"],
    ["http://a.test", "/"],
    ["http://a.test/b?c", "/b?c"],
    ["http://a.test?c", "/?c"],
    ["/é", "/é"],
  ])("gives path and query of %p: %p", (uri, expected) => {
    expect(new HostCalls({ uri }).read("get_uri")).toBe(expected);
  });
});

describe("get_source_addr", () => {
  test.each([
    ["192.0.2.1", 0, "192.0.2.1:0"],
    ["192.0.2.1", 4711, "192.0.2.1:4711"],
    ["192.0.2.1:50412", 0, "192.0.2.1:50412"],
    ["2001:db8::1", 0, "[2001:db8::1]:0"],
    ["::ffff:192.0.2.1", 7, "[::ffff:192.0.2.1]:7"],
    ["fe80::1%eth0", 0, "[fe80::1%eth0]:0"],
    ["[::1]:50412", 0, "[::1]:50412"],
    ["[::1]", 9, "[::1]:9"],
    ["unknown", 0, "unknown:0"],
    ["/run/proxy.sock", 0, "unknown:0"],
    [":".repeat(10_000), 0, "unknown:0"],
  ])("gives %p with port %d as %p", (clientAddress, clientPort, expected) => {
    expect(new HostCalls({ clientAddress, clientPort }).read("get_source_addr")).toBe(expected);
  });
});

describe("get_protocol_version", () => {
  test.each([
    ["HTTP/1.1", "HTTP/1.1"],
    ["HTTP/1.0", "HTTP/1.0"],
    ["HTTP/2", "HTTP/2.0"],
    ["HTTP/2.0", "HTTP/2.0"],
    ["", "HTTP/1.1"],
  ])("gives %p as %p", (httpVersion, expected) => {
    expect(new HostCalls({ httpVersion }).read("get_protocol_version")).toBe(expected);
  });
});

describe("set_method", () => {
  test("is seen by the guest", () => {
    const calls = new HostCalls();
    calls.call("set_method", ...calls.put("POST"));
    expect(calls.read("get_method")).toBe("POST");
    expect(calls.exchange!.request).toMatchObject({ method: "POST", originalMethod: "GET" });
  });

  test.each(["", "A B", "GET\r\n", "é", "X".repeat(65)])("ends the call for %p", (method) => {
    const calls = new HostCalls();
    expect(calls.failureOf("set_method", ...calls.put(method))).toBe("guest-host-call");
  });
});

describe("set_uri", () => {
  test.each([
    ["/v1.0/hello?name=teddy", "/v1.0/hello?name=teddy"],
    ["", "/"],
    ["/a%26b", "/a%26b"],
    ["//foo", "//foo"],
    ["*", "*"],
  ])("%p is seen by the guest as %p", (uri, expected) => {
    const calls = new HostCalls({ uri: "/before" });
    calls.call("set_uri", ...calls.put(uri));
    expect(calls.read("get_uri")).toBe(expected);
    expect(calls.exchange!.request.originalUri).toBe("/before");
  });

  test.each(["no-slash", "/a b", "/%", "/%4", "/%zz", "/a\r\nb", "/\0"])("ends the call for %p", (uri) => {
    const calls = new HostCalls();
    expect(calls.failureOf("set_uri", ...calls.put(uri))).toBe("guest-host-call");
  });

  test("ends the call for more than any server takes, unread", () => {
    expect(new HostCalls().failureOf("set_uri", 0, 65_537)).toBe("guest-host-call");
    expect(new HostCalls().failureOf("set_uri", 0, -1)).toBe("guest-host-call");
  });

  test("ends the call for bytes that are not UTF-8", () => {
    const calls = new HostCalls();
    expect(calls.failureOf("set_uri", ...calls.put(Uint8Array.of(0x2f, 0xff)))).toBe("guest-host-call");
  });
});

test.each(["set_method", "set_uri"])(
  "%s ends the call of a guest that starts, and in handle_response",
  (name) => {
    for (const phase of ["start", "response"] as const) {
      const calls = new HostCalls({ phase, features: 3 });
      expect(calls.failureOf(name, ...calls.put("/x"))).toBe("guest-host-call");
    }
  },
);
