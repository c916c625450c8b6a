/** Clients that begin bodies and never send them, and guests that fail once they were suspended (docs/http-wasm.md 3.1). */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { assembleWat } from "../guests/assemble-guest.ts";
import type { V2Proxy } from "../support/fake-proxy.ts";
import { httpWasmWat, NEXT, wat } from "../support/http-wasm-wat.ts";
import { ServingAgent } from "../support/serving-agent.ts";

setDefaultTimeout(60_000);

const EVENTS = ["--events", "request_headers,request_body,response_headers,response_body"];
const POST = { method: "POST", headers: { host: ["a.test"], "content-length": ["4"] } };

/** Reads the body, and does with "trap" and "loop" what they say. */
const READING = httpWasmWat({
  request: `(drop (call $read_body (i32.const 0) (i32.const 4096) (i32.const 100)))
    (if (i32.eq (i32.load (i32.const 4096)) (i32.const ${Buffer.from("trap").readUInt32LE(0)})) (then unreachable))
    (if (i32.eq (i32.load (i32.const 4096)) (i32.const ${Buffer.from("loop").readUInt32LE(0)}))
      (then (loop $forever (br $forever))))
    (i32.store (i32.const 4096) (i32.const 0))
    ${NEXT}`,
});

const serve = async (flags: readonly string[] = []) =>
  ServingAgent.start(await assembleWat("reading", READING), [...EVENTS, ...flags]);

/** A whole exchange with a body. */
async function upload(proxy: V2Proxy, id: string, bytes = "fine"): Promise<readonly string[]> {
  const headers = await proxy.request({ ...POST, id });
  const body = await proxy.requestBody({ id, bytes });
  if (body.decision === "allow") await proxy.response({ id, status: 204, headers: {} });
  return [...headers.reasonCodes, ...body.reasonCodes];
}

describe.each([
  ["--dispatch", "inline"],
  ["--dispatch", "workers"],
])("%s %s", (...dispatch) => {
  test("bodies that never come cost those who began them, and nobody else", async () => {
    await using agent = await serve([...dispatch, "--exchange-timeout-ms", "500"]);
    const [slow, quick] = [await agent.proxy(), await agent.proxy()];
    for (let i = 0; i < 200; i++)
      expect((await slow.request({ ...POST, id: `slow-${i}` })).decision).toBe("allow");
    for (let i = 0; i < 20; i++) expect(await upload(quick, `quick-${i}`)).toEqual([]);
    await Bun.sleep(1500);
    // They have ended, and what comes now is unknown.
    expect((await slow.requestBody({ id: "slow-0", bytes: "late" })).reasonCodes).toEqual([
      "exchange-unknown",
    ]);
    for (let i = 0; i < 20; i++) expect(await upload(quick, `after-${i}`)).toEqual([]);
  });

  test("a newer request with the id of one that is suspended gets its own body", async () => {
    await using agent = await serve(dispatch);
    const proxy = await agent.proxy();
    for (let i = 0; i < 50; i++) await proxy.request({ ...POST, id: "same" });
    expect(await upload(proxy, "same")).toEqual([]);
    expect(await upload(proxy, "other")).toEqual([]);
  });

  test("a guest that fails with the body costs that event, and the next one is served", async () => {
    await using agent = await serve([...dispatch, "--timeout-ms", "500"]);
    const [poison, other] = [await agent.proxy(), await agent.proxy()];
    for (let round = 0; round < 3; round++) {
      expect(await upload(poison, `trap-${round}`, "trap")).toEqual(["guest-trap"]);
      expect(await upload(other, `other-${round}`)).toEqual([]);
    }
    const looping = upload(poison, "loop", "loop");
    expect(await upload(other, "beside")).toEqual([]);
    expect(await looping).toEqual(["guest-deadline"]);
    expect(await upload(other, "afterwards")).toEqual([]);
  });

  test("a response that comes beside the last piece of the body is answered, and so is the piece", async () => {
    await using agent = await serve(dispatch);
    // Events of one exchange may use any connection (docs/agent-protocol.md 3.5).
    const [first, second] = [await agent.proxy(), await agent.proxy()];
    for (let i = 0; i < 20; i++) {
      const id = `${i}`;
      await first.request({ ...POST, id });
      await first.requestBody({ id, bytes: "fi", isStreamed: true, isLast: false });
      const answers = await Promise.all([
        first.requestBody({ id, bytes: "ne", isStreamed: true, index: 1 }),
        second.response({ id, status: 204, headers: {} }),
      ]);
      // Whichever comes first: a piece behind the response was not seen, or its exchange has ended.
      const codes = answers.flatMap(({ reasonCodes }) => reasonCodes);
      expect([[], ["guest-body-missed"], ["exchange-unknown"]]).toContainEqual(codes);
    }
    expect([...first.strays, ...second.strays]).toEqual([]);
  });
});

test("exchanges that end while their guest is about to go on leave a healthy instance", async () => {
  await using agent = await serve(["--dispatch", "inline", "--pool-size", "1"]);
  const [first, second] = [await agent.proxy(), await agent.proxy()];
  for (let i = 0; i < 50; i++) {
    // The second request supersedes the first, whose body is being handled.
    await first.request({ ...POST, id: "same" });
    const answers = await Promise.all([
      first.requestBody({ id: "same", bytes: "fine" }),
      second.request({ ...POST, id: "same" }),
    ]);
    expect(answers[1].reasonCodes).toEqual([]);
  }
  expect(await upload(second, "last")).toEqual([]);
  expect(agent.log.lines.filter(({ fields }) => fields["code"] === "guest-trap")).toEqual([]);
});

test("what is written without end is bounded", async () => {
  const flood = httpWasmWat({
    texts: { name: "x" },
    request: `(loop $forever
        (call $add_header_value (i32.const 0) (text name) (i32.const 0) (i32.const 10000))
        (call $write_body (i32.const 1) (i32.const 0) (i32.const 65536))
        (br $forever)) unreachable`,
  });
  await using agent = await ServingAgent.start(await assembleWat("flood", flood), EVENTS);
  const proxy = await agent.proxy();
  for (let i = 0; i < 3; i++)
    expect((await proxy.request({ id: `${i}` })).reasonCodes).toEqual(["guest-host-call"]);
});

test("a guest that logs without end is stopped, and so are its lines", async () => {
  const chatty = httpWasmWat({
    texts: { line: "a line" },
    request: `(loop $forever ${wat.log("line")} (br $forever)) unreachable`,
  });
  await using agent = await ServingAgent.start(await assembleWat("chatty", chatty), [
    ...EVENTS,
    "--timeout-ms",
    "100",
  ]);
  const proxy = await agent.proxy();
  expect((await proxy.request()).reasonCodes).toEqual(["guest-deadline"]);
  expect(agent.log.lines.filter(({ message }) => message === "guest output").length).toBeLessThanOrEqual(300);
});
