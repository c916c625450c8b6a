/** Bodies as filters read, hold back and change them (docs/proxy-wasm.md 6). */

import { describe, expect, test } from "bun:test";
import type { EventFailure } from "../../../src/event/failure.ts";
import { chunk, opsOf, replacementOf, request, scripted, wordsOf } from "../../support/proxy-wasm-plugin.ts";

/** Pauses until the end of the body. */
const COLLECT = ["1/request_body return 1", "2/request_body return 1"];
const UPLOAD = { "transfer-encoding": ["chunked"] };

describe("reading", () => {
  test("the callback is told the size and the end", async () => {
    const plugin = await scripted([]);
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    exchange.now(chunk("abc", { isLast: false }));
    exchange.now(chunk("", { isLast: true, index: 1 }));
    const lines = plugin.takeLines("debug");
    expect(lines).toContain("request_body 3 3 0");
    expect(lines).toContain("request_body 3 0 1");
  });

  test.each([
    ["all, as SDKs ask for it", "0 -1", "0 'abcdef'"],
    ["all, with the largest signed number", "0 0x7fffffff", "0 'abcdef'"],
    ["a part", "1 3", "0 'bcd'"],
    ["more than there is", "4 100", "0 'ef'"],
    ["from the end", "6 10", "0 ''"],
    ["from behind the end", "7 10", "0 ''"],
    ["nothing", "0 0", "0 ''"],
    ["a range that does not fit into 32 bits", "1 -1", "2 ''"],
  ])("%s", async (_what, range, result) => {
    const plugin = await scripted([`request_body get_buffer_bytes 0 ${range} &s`]);
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    exchange.now(chunk("abcdef"));
    expect(plugin.takeLines()).toEqual([`get_buffer_bytes = ${result}`]);
  });

  test("the status of a buffer is its length", async () => {
    const plugin = await scripted(["response_body get_buffer_status 1 & &"]);
    const exchange = plugin.exchange();
    exchange.request();
    exchange.response();
    exchange.now(chunk("12345", { of: "response" }));
    expect(plugin.takeLines()).toEqual(["get_buffer_status = 0 5 0"]);
  });

  test("a body is there in its own callbacks only", async () => {
    const plugin = await scripted([
      "request_headers get_buffer_bytes 0 0 -1 &s",
      "response_headers get_buffer_status 1 & &",
      "log get_buffer_bytes 0 0 -1 &s",
    ]);
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    exchange.response();
    exchange.end();
    expect(plugin.takeLines().map((line) => line.slice(0, 24))).toEqual([
      "get_buffer_bytes = 1 ''",
      "get_buffer_status = 1 0 0".slice(0, 24),
      "get_buffer_bytes = 1 ''",
    ]);
  });

  test("binary bodies are read as they are", async () => {
    const plugin = await scripted(["request_body get_buffer_bytes 0 0 -1 &s"]);
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    exchange.now(chunk(Uint8Array.of(0, 255, 10)));
    expect(plugin.takeLines()).toEqual(["get_buffer_bytes = 0 '\\x00\\xff\\x0a'"]);
  });
});

describe.each(["request", "response"] as const)("changing a %s body", (of) => {
  const change = async (...commands: readonly string[]) => {
    const plugin = await scripted(commands.map((command) => `${of}_body ${command}`));
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    if (of === "response") exchange.response();
    return exchange.now(chunk("abcdef", { of }));
  };
  const buffer = of === "request" ? 0 : 1;

  test.each([
    ["replaced", "0 6 'new'", "new"],
    ["replaced by more", "0 6 'longer than before'", "longer than before"],
    ["replaced from the largest number on, which appends", "-1 -1 '++'", "abcdef++"],
    ["appended to", "6 0 '++'", "abcdef++"],
    ["prepended to", "0 0 '++'", "++abcdef"],
    ["changed within", "2 2 '..'", "ab..ef"],
    ["shortened within", "2 2 ''", "abef"],
    ["lengthened within", "2 0 'XYZ'", "abXYZcdef"],
  ])("it is %s", async (_what, edit, result) => {
    expect(replacementOf(await change(`set_buffer_bytes ${buffer} ${edit}`))).toBe(result);
  });

  test("several edits add up, and the guest reads what it has written", async () => {
    const outcome = await change(
      `set_buffer_bytes ${buffer} 0 1 'X'`,
      `set_buffer_bytes ${buffer} 5 1 'Y'`,
      `set_buffer_bytes ${buffer} 6 0 '!'`,
    );
    expect(replacementOf(outcome)).toBe("XbcdeY!");
  });

  test("a body that nobody changes keeps its bytes", async () => {
    expect(replacementOf(await change(`get_buffer_bytes ${buffer} 0 -1 &s`))).toBeNull();
  });

  test("outside of its callback there is nothing to change, which is a warning", async () => {
    const plugin = await scripted([`request_headers set_buffer_bytes ${buffer} 0 0 'x'`]);
    plugin.exchange().request();
    expect(plugin.warnings()).toHaveLength(1);
  });
});

describe("a guest that collects a streamed body", () => {
  test("sees all of it at the end, and emits it with the last piece", async () => {
    const plugin = await scripted([...COLLECT, "3/request_body get_buffer_bytes 0 0 -1 &s"]);
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    expect(replacementOf(exchange.now(chunk("one ", { isLast: false, index: 0 })))).toBe("");
    expect(replacementOf(exchange.now(chunk("two ", { isLast: false, index: 1 })))).toBe("");
    expect(replacementOf(exchange.now(chunk("three", { isLast: true, index: 2 })))).toBe("one two three");
    expect(plugin.takeLines()).toEqual(["get_buffer_bytes = 0 'one two three'"]);
  });

  test("is told the size of what has been collected", async () => {
    const plugin = await scripted(COLLECT);
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    exchange.now(chunk("1234", { isLast: false, index: 0 }));
    exchange.now(chunk("56", { isLast: false, index: 1 }));
    exchange.now(chunk("", { isLast: true, index: 2 }));
    expect(plugin.takeLines("debug").filter((line) => line.startsWith("request_body"))).toEqual([
      "request_body 3 4 0",
      "request_body 3 6 0",
      "request_body 3 6 1",
    ]);
  });

  test("may change it at the end", async () => {
    const plugin = await scripted([...COLLECT, "3/request_body set_buffer_bytes 0 0 -1 'all new'"]);
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    exchange.now(chunk("one ", { isLast: false, index: 0 }));
    exchange.now(chunk("two", { isLast: false, index: 1 }));
    expect(replacementOf(exchange.now(chunk("", { isLast: true, index: 2 })))).toBe("all new");
  });

  test("may let the beginning go and collect again", async () => {
    const plugin = await scripted(["1/request_body return 1", "3/request_body return 1"]);
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    const emitted = ["a", "b", "c", "d"].map((text, index) =>
      replacementOf(exchange.now(chunk(text, { isLast: index === 3, index }))),
    );
    expect(emitted).toEqual(["", "ab", "", "cd"]);
  });

  test("may reply at the end, and nothing of the body gets through", async () => {
    const plugin = await scripted([...COLLECT, "3/request_body send_local_response 403 '' 'no' [] -1"]);
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    exchange.now(chunk("one ", { isLast: false, index: 0 }));
    exchange.now(chunk("two", { isLast: false, index: 1 }));
    expect(wordsOf(exchange.now(chunk("", { isLast: true, index: 2 })))).toBe("block 403 no");
  });

  test("text that is cut within a character is still text", async () => {
    const plugin = await scripted(COLLECT);
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    const bytes = Buffer.from("grün");
    exchange.now(chunk(bytes.subarray(0, 3), { isLast: false, index: 0 }));
    exchange.now(chunk(bytes.subarray(3), { isLast: false, index: 1 }));
    expect(replacementOf(exchange.now(chunk("", { isLast: true, index: 2 })))).toBe("grün");
  });

  test("what is not text cannot be held back: the event fails, and says which mode helps", async () => {
    const plugin = await scripted(COLLECT);
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    const outcome = exchange.now(chunk(Uint8Array.of(0xff, 0xfe), { isLast: false }));
    expect(wordsOf(outcome)).toBe("guest-body-not-text");
    expect((outcome as EventFailure).message).toContain("inspect-first");
  });

  test("where the operator wants a warning, such a body passes and is seen all the same", async () => {
    const plugin = await scripted([...COLLECT, "3/request_body get_buffer_status 0 & &"], {
      proxyWasm: { onUnsupported: "warn" },
    });
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    expect(replacementOf(exchange.now(chunk(Uint8Array.of(0xff), { isLast: false })))).toBeNull();
    expect(replacementOf(exchange.now(chunk(Uint8Array.of(0xfe), { isLast: false, index: 1 })))).toBeNull();
    expect(replacementOf(exchange.now(chunk("", { index: 2 })))).toBeNull();
    expect(plugin.warnings().join()).toContain("inspect-first");
    expect(plugin.takeLines()).toEqual(["get_buffer_status = 0 2 0"]);
  });

  test("where nothing can be replaced the body passes and is seen all the same", async () => {
    const plugin = await scripted([...COLLECT, "3/request_body get_buffer_bytes 0 0 -1 &s"]);
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    const outcomes = ["a", "b", "c"].map((text, index) =>
      exchange.now(chunk(text, { isLast: index === 2, index, canReplace: false })),
    );
    expect(outcomes.map(replacementOf)).toEqual([null, null, null]);
    expect(plugin.takeLines()).toEqual(["get_buffer_bytes = 0 'abc'"]);
  });

  test("bytes that have passed cannot be changed any more, which fails the event", async () => {
    const plugin = await scripted(["1/request_body return 1", "2/request_body set_buffer_bytes 0 0 1 'X'"]);
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    exchange.now(chunk("a", { isLast: false, canReplace: false }));
    expect(wordsOf(exchange.now(chunk("b", { index: 1, canReplace: false })))).toBe("guest-not-carried");
  });

  test("cannot hold back more than 16 MiB", async () => {
    const plugin = await scripted(["request_body return 1"]);
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    const megabytes = Buffer.alloc(6 * 1024 * 1024, "a");
    exchange.now(chunk(megabytes, { isLast: false, index: 0 }));
    exchange.now(chunk(megabytes, { isLast: false, index: 1 }));
    expect(wordsOf(exchange.now(chunk(megabytes, { isLast: false, index: 2 })))).toBe(
      "guest-result-too-large",
    );
  });
});

describe("a buffered body", () => {
  test("that a guest pauses at waits until it goes on", async () => {
    const plugin = await scripted([
      "request_body return 1",
      "tick set_effective_context 3",
      "tick continue_stream 0",
    ]);
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    const outcome = exchange.call(chunk("whole", { isBuffered: true }));
    expect(outcome).toBeInstanceOf(Promise);
    exchange.end();
    expect(wordsOf(await outcome)).toBe("exchange-lost");
  });

  test("that the proxy has cut ends there for the guest, or it would wait for what never comes", async () => {
    const plugin = await scripted(["1/request_body return 1", "request_body get_buffer_bytes 0 0 -1 &s"]);
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    expect(wordsOf(exchange.now(chunk("the beginning", { isBuffered: true, isLast: false })))).toBe("allow");
    expect(plugin.takeLines("debug").filter((line) => line.startsWith("request_body"))).toEqual([
      "request_body 3 13 0",
      "request_body 3 13 1",
    ]);
  });

  test("that is changed has a replacement, which the dispatcher judges", async () => {
    const plugin = await scripted(["request_body set_buffer_bytes 0 0 -1 'new'"]);
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    expect(replacementOf(exchange.now(chunk("old", { isBuffered: true })))).toBe("new");
  });
});

test("a body that the proxy repeats begins anew", async () => {
  const plugin = await scripted(["request_body get_buffer_bytes 0 0 -1 &s"]);
  const exchange = plugin.exchange();
  exchange.request(UPLOAD);
  exchange.now(chunk("whole", { isBuffered: true }));
  exchange.now(chunk("whole", { isBuffered: true }));
  expect(plugin.takeLines()).toEqual(Array(2).fill("get_buffer_bytes = 0 'whole'"));
});

describe("headers that are changed with the body in sight", () => {
  const script = [
    "request_headers add_header_map_value 0 'x-early' '1'",
    "request_headers return 1",
    "request_body add_header_map_value 0 'x-late' '2'",
  ];

  test("a guest of 0.2.100 that stops at the headers gets the body, and its edits go with it", async () => {
    const plugin = await scripted(script, { version: "0.2.100" });
    const exchange = plugin.exchange();
    expect(opsOf(exchange.request(UPLOAD))).toEqual(["add x-early: 1"]);
    expect(opsOf(exchange.now(chunk("body", { isBuffered: true })))).toEqual(["add x-late: 2"]);
    expect(plugin.warnings().join()).toContain("inspect-first");
  });

  test("so does a guest that is configured as in Envoy", async () => {
    const plugin = await scripted(script, { configuration: { allow_on_headers_stop_iteration: true } });
    const exchange = plugin.exchange();
    expect(opsOf(exchange.request(UPLOAD))).toEqual(["add x-early: 1"]);
  });

  test("a streamed body cannot carry them, which fails the event", async () => {
    const plugin = await scripted(script, { version: "0.2.100" });
    const exchange = plugin.exchange();
    exchange.request(UPLOAD);
    expect(wordsOf(exchange.now(chunk("body")))).toBe("guest-not-carried");
  });

  test("nor can the body of a response", async () => {
    const plugin = await scripted(
      ["response_headers return 1", "response_body replace_header_map_value 2 'x-late' '2'"],
      { version: "0.2.100" },
    );
    const exchange = plugin.exchange();
    exchange.request();
    expect(wordsOf(exchange.response())).toBe("allow");
    expect(wordsOf(exchange.now(chunk("body", { of: "response" })))).toBe("guest-not-carried");
  });

  test("without a body there is nothing to wait for, so the headers wait", async () => {
    const plugin = await scripted(script, { version: "0.2.100" });
    const exchange = plugin.exchange();
    expect(exchange.call(request())).toBeInstanceOf(Promise);
    exchange.end();
  });

  test("other versions wait with everything, as in Envoy", async () => {
    const plugin = await scripted(script);
    const exchange = plugin.exchange();
    expect(exchange.call(request(UPLOAD))).toBeInstanceOf(Promise);
    exchange.end();
  });

  test("a body that was only likely and did not come has ended when the response is there", async () => {
    const plugin = await scripted(
      ["request_headers return 1", "request_body send_local_response 403 '' 'empty' [] -1"],
      { version: "0.2.100" },
    );
    const exchange = plugin.exchange();
    const http2 = { ...request(), method: "POST", headers: {} } as ReturnType<typeof request>;
    expect(wordsOf(exchange.now(http2))).toBe("allow");
    expect(wordsOf(exchange.response())).toBe("block 403 empty");
  });

  test("a body that was announced and never shown is a warning", async () => {
    const plugin = await scripted(["request_headers return 1"], { version: "0.2.100" });
    const exchange = plugin.exchange();
    exchange.request({ "content-length": ["5"] });
    expect(wordsOf(exchange.response())).toBe("allow");
    expect(plugin.warnings().join()).toContain("request_body");
  });
});
