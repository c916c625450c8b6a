/** Each failure that a guest can cause, in both policies: fail-closed from the start, fail-open by configuration. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { FAILURE_CODES, type FailureCode } from "../../src/event/failure.ts";
import type { GuestName } from "../guests/guest-list.ts";
import { guestPath } from "../guests/guest-path.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { V2Proxy } from "../support/fake-proxy.ts";
import type { BodyFacts } from "../support/proxy-messages.ts";

setDefaultTimeout(30_000);

/** For guests that take a while on a machine with other things to do. */
const PATIENT = ["--timeout-ms", "20000"];

/** A guest for every code. */
const GUESTS: Readonly<Partial<Record<FailureCode, { guest: GuestName; flags?: readonly string[] }>>> = {
  "guest-trap": { guest: "trap" },
  "guest-stack-overflow": { guest: "recursion-mutual", flags: PATIENT },
  "guest-deadline": { guest: "loop", flags: ["--timeout-ms", "100"] },
  "guest-exit": { guest: "exit-1" },
  "guest-abort": { guest: "abort" },
  "guest-alloc-failed": { guest: "trap-in-alloc" },
  "guest-alloc-out-of-bounds": { guest: "alloc-returns-past-end" },
  "guest-result-out-of-bounds": { guest: "pointer-past-end" },
  "guest-result-too-large": { guest: "result-10-mib-and-one", flags: PATIENT },
  "guest-result-not-utf8": { guest: "not-utf8" },
  "guest-result-not-json": { guest: "not-json" },
  "guest-result-shape": { guest: "no-decision" },
  "guest-decision-unknown": { guest: "unknown-decision" },
  "guest-status-range": { guest: "status-99" },
  "guest-header-name": { guest: "header-name-newline" },
  "guest-header-value": { guest: "header-value-newline" },
};

/** Codes of request bodies: the request announces two bytes, and this comes of them. */
const BODY_GUESTS: Readonly<Partial<Record<FailureCode, { guest: GuestName; body: BodyFacts }>>> = {
  "guest-body-not-replaceable": { guest: "replace-bytes", body: { isStreamed: false } },
  "guest-body-not-text": { guest: "replace-bytes-not-text", body: { isStreamed: true } },
  "guest-body-length": { guest: "replace-bytes", body: { isStreamed: true } },
};

/** Codes that no single event of a guest leads to, and where they are shown instead. */
const SHOWN_ELSEWHERE: Readonly<Partial<Record<FailureCode, string>>> = {
  "guest-host-call": "tests/abi-contract",
  "guest-decision-undefined": "tests/unit/opa",
  "guest-builtin-limit": "tests/unit/opa",
  "guest-forbidden-call": "tests/unit/proxy-wasm",
  "guest-not-carried": "tests/unit/proxy-wasm",
  "guest-body-missed": "tests/unit/abi/http-wasm",
  "guest-body-memory": "tests/unit/abi/http-wasm",
  "guest-configuration-refused": "configuration.test.ts",
  "guest-no-instance": "tests/unit/ring",
  "queue-timeout": "tests/unit/ring",
  "event-undecodable": "protocols.test.ts",
  "event-lost": "tests/packaging/systemd-restart.test.ts, tests/unit/agent/kept-connections.test.ts",
  "exchange-unknown": "guests that keep state, of which the JSON ABI has none",
  "exchange-lost": "guests that keep state, of which the JSON ABI has none",
  "agent-internal": "a bug of the agent, which no test knows how to cause",
};

test("no code is left out", () => {
  const shown = [...Object.keys(GUESTS), ...Object.keys(BODY_GUESTS), ...Object.keys(SHOWN_ELSEWHERE)];
  expect(shown.sort()).toEqual([...FAILURE_CODES].sort());
});

describe.each(Object.entries(GUESTS))("%s", (code, { guest, flags = [] }) => {
  test("fails closed, then open", async () => {
    await using agent = await AgentProcess.start({ module: guestPath(guest), flags });
    const proxy = await V2Proxy.connect(agent.socketPath);
    const closed = {
      decision: { block: { status: 500, body: "Wasm Error" } },
      tags: ["wasm-error"],
      reasonCodes: [code],
    };
    expect(await proxy.request({ id: "request" })).toMatchObject(closed);
    expect(await proxy.response({ id: "response" })).toMatchObject(closed);
    expect((await proxy.configure({ "fail-open": true })).decision).toBe("allow");
    const open = { decision: "allow", tags: ["wasm-error", "fail-open"], reasonCodes: [code] };
    expect(await proxy.request({ id: "request" })).toMatchObject(open);
    expect(await proxy.response({ id: "response" })).toMatchObject(open);
    const logged = agent.lines.find((line) => line["code"] === code && line.level === "error");
    expect(logged).toMatchObject({ level: "error", correlation_id: "request", policy: "fail-closed" });
    agent.signal("SIGTERM");
    expect(await agent.exited).toBe(0);
  });
});

describe.each(Object.entries(BODY_GUESTS))("%s", (code, { guest, body }) => {
  test("fails closed, then open", async () => {
    await using agent = await AgentProcess.start({ module: guestPath(guest) });
    const proxy = await V2Proxy.connect(agent.socketPath);
    const headers = { host: ["a.test"], "content-length": ["2"] };
    const send = async (id: string) => {
      expect(await proxy.request({ id, method: "POST", headers })).toMatchObject({
        decision: "allow",
        tags: [],
      });
      return proxy.requestBody({ ...body, id });
    };
    expect(await send("closed")).toMatchObject({
      decision: { block: { status: 500, body: "Wasm Error" } },
      tags: ["wasm-error"],
      reasonCodes: [code],
      requestBody: null,
    });
    expect((await proxy.configure({ "fail-open": true })).decision).toBe("allow");
    expect(await send("open")).toMatchObject({
      decision: "allow",
      tags: ["wasm-error", "fail-open"],
      reasonCodes: [code],
      requestBody: null,
    });
    expect(agent.lines.find((line) => line["code"] === code)).toMatchObject({
      level: "error",
      correlation_id: "closed",
      policy: "fail-closed",
    });
  });
});

test("--fail-open fails open from the start", async () => {
  await using agent = await AgentProcess.start({ module: guestPath("trap"), flags: ["--fail-open"] });
  const proxy = await V2Proxy.connect(agent.socketPath);
  expect(await proxy.request()).toMatchObject({ decision: "allow", tags: ["wasm-error", "fail-open"] });
});

test("one poison request is a matter of that request alone: the next is served by a sound instance", async () => {
  await using agent = await AgentProcess.start({
    module: guestPath("trap-on-marker"),
    flags: ["--pool-size", "4"],
  });
  const proxy = await V2Proxy.connect(agent.socketPath);
  for (let round = 0; round < 10; round++) {
    expect((await proxy.request({ id: `a-${round}` })).decision).toBe("allow");
    expect((await proxy.request({ id: `b-${round}`, uri: "/boom" })).tags).toEqual(["wasm-error"]);
    expect((await proxy.request({ id: `c-${round}` })).decision).toBe("allow");
  }
});

test("an endless guest holds up nobody else's requests for long", async () => {
  await using agent = await AgentProcess.start({
    module: guestPath("loop-on-marker"),
    flags: ["--timeout-ms", "300", "--pool-size", "4"],
  });
  const [poisoner, other] = [
    await V2Proxy.connect(agent.socketPath),
    await V2Proxy.connect(agent.socketPath),
  ];
  const poisoned = poisoner.request({ id: "p", uri: "/boom" });
  for (let i = 0; i < 50; i++) expect((await other.request({ id: `o-${i}` })).decision).toBe("allow");
  expect((await poisoned).reasonCodes).toEqual(["guest-deadline"]);
});
