/** Host functions that may be called at any time: features, configuration, log (docs/http-wasm.md). */

import { describe, expect, test } from "bun:test";
import { BUFFER, HostCalls, PAGE } from "./host-calls.ts";

describe("enable_features", () => {
  test.each([
    [0, 0],
    [1, 1],
    [2, 2],
    [3, 3],
    [4, 0],
    [7, 3],
    [-1, 3],
    [8, 0],
  ])("of %d enables %d", (wanted, enabled) => {
    expect(new HostCalls({ phase: "start" }).call("enable_features", wanted)).toBe(enabled);
    expect(new HostCalls().call("enable_features", wanted)).toBe(enabled);
  });

  test("adds to what is enabled", () => {
    const calls = new HostCalls({ phase: "start" });
    calls.call("enable_features", 1);
    expect(calls.call("enable_features", 2)).toBe(3);
    expect(calls.call("enable_features", 0)).toBe(3);
    expect(calls.state.features).toBe(3);
  });

  test("in handle_request is for this request only, in addition", () => {
    const calls = new HostCalls({ features: 1 });
    expect(calls.call("enable_features", 2)).toBe(3);
    expect(calls.exchange!.features).toBe(3);
    expect(calls.state.features).toBe(0);
  });

  test("in handle_response has no effect", () => {
    const calls = new HostCalls({ phase: "response", features: 1 });
    expect(calls.call("enable_features", 2)).toBe(1);
    expect(calls.exchange!.features).toBe(1);
  });
});

describe("get_config", () => {
  const binary = Uint8Array.of(0, 1, 254, 255, 10, 13, 0, 7);

  test.each(["start", "request", "response"] as const)("gives it byte for byte (%s)", (phase) => {
    const calls = new HostCalls({ phase, configuration: binary });
    expect(calls.call("get_config", BUFFER, 8)).toBe(8);
    expect(Buffer.from(calls.text(BUFFER, 8))).toEqual(Buffer.from(Buffer.from(binary).toString("utf8")));
  });

  test("gives nothing as 0", () => {
    expect(new HostCalls().call("get_config", BUFFER, 64)).toBe(0);
    expect(new HostCalls().call("get_config", -1, -1)).toBe(0);
  });

  test("writes nothing where the limit is less", () => {
    const calls = new HostCalls({ configuration: "open sesame" });
    expect(calls.call("get_config", BUFFER, 10)).toBe(11);
    expect(calls.text(BUFFER, 11)).toBe("\0".repeat(11));
    expect(calls.call("get_config", BUFFER, 11)).toBe(11);
    expect(calls.text(BUFFER, 11)).toBe("open sesame");
  });

  test("ends the call for a range outside of memory", () => {
    const calls = new HostCalls({ configuration: "open sesame" });
    expect(calls.failureOf("get_config", PAGE - 10, 11)).toBe("guest-host-call");
  });
});

describe("log", () => {
  const LEVELS = [
    [-1, "debug"],
    [0, "info"],
    [1, "warn"],
    [2, "error"],
  ] as const;

  test.each(LEVELS)("level %d is %s", (level, name) => {
    const calls = new HostCalls({ debugEnabled: true });
    calls.call("log", level, ...calls.put("hello"));
    expect(calls.log.lines).toEqual([
      { level: name, message: "guest output", fields: { slot: 0, stream: "log", text: "hello" } },
    ]);
    expect(calls.call("log_enabled", level)).toBe(1);
  });

  test.each([3, 4, -2, 100])("level %d is not logged", (level) => {
    const calls = new HostCalls({ debugEnabled: true });
    calls.call("log", level, ...calls.put("hello"));
    expect(calls.log.lines).toEqual([]);
    expect(calls.call("log_enabled", level)).toBe(0);
  });

  test("debug is logged only when the agent logs it", () => {
    const calls = new HostCalls();
    calls.call("log", -1, ...calls.put("hello"));
    expect(calls.log.lines).toEqual([]);
    expect(calls.call("log_enabled", -1)).toBe(0);
  });

  test("an empty text is a line", () => {
    const calls = new HostCalls({ phase: "start" });
    calls.call("log", 0, 0, 0);
    expect(calls.log.lines.map(({ fields }) => fields["text"])).toEqual([""]);
  });

  test("text that is not UTF-8 is shown as far as it is", () => {
    const calls = new HostCalls();
    calls.call("log", 0, ...calls.put(Uint8Array.of(0x61, 0xff, 0x62)));
    expect(calls.log.lines.map(({ fields }) => fields["text"])).toEqual(["a\uFFFDb"]);
  });

  test("a long text is cut, at a whole character, and paid for", () => {
    const calls = new HostCalls();
    calls.call("log", 0, ...calls.put(`x${"é".repeat(10_000)}`));
    expect(calls.log.lines).toMatchObject([
      { fields: { text: `x${"é".repeat(511)}`, cut_bytes: 20_001 - 1023 } },
    ]);
    expect(calls.work.length).toBeGreaterThan(0);
  });

  test("ends the call for a range outside of memory", () => {
    expect(new HostCalls().failureOf("log", 0, PAGE - 1, 2)).toBe("guest-host-call");
    expect(new HostCalls().failureOf("log", 0, 0, -1)).toBe("guest-host-call");
  });
});
