import { describe, expect, test } from "bun:test";
import { passedDescriptors } from "../../../src/transport/uds/inherited-socket.ts";
import { SocketError } from "../../../src/transport/socket-error.ts";

const PID = 4711;
const NONE = { agent: null, admin: [], stored: [] };

function passed(count: number, names?: string) {
  return passedDescriptors(
    {
      LISTEN_FDS: String(count),
      LISTEN_PID: "4711",
      ...(names === undefined ? {} : { LISTEN_FDNAMES: names }),
    },
    PID,
  );
}

test("one socket that was passed to this process is file descriptor 3, whatever its name", () => {
  expect(passed(1)).toEqual({ ...NONE, agent: 3 });
  expect(passed(1, "sentinel-wasm-agent.socket")).toEqual({ ...NONE, agent: 3 });
});

test.each([
  ["nothing was passed", {}],
  ["it was passed to another process", { LISTEN_FDS: "1", LISTEN_PID: "4712" }],
  ["no process is named", { LISTEN_FDS: "1" }],
  ["the count is zero", { LISTEN_FDS: "0", LISTEN_PID: "4711" }],
  ["the count is no number", { LISTEN_FDS: "one", LISTEN_PID: "4711" }],
  ["the count is negative", { LISTEN_FDS: "-1", LISTEN_PID: "4711" }],
])("nothing is inherited when %s", (_when, env) => {
  expect(passedDescriptors(env, PID)).toEqual(NONE);
});

describe("sockets that are named admin", () => {
  test("are for the admin endpoint, in any order and number", () => {
    expect(passed(2, "agent.socket:admin")).toEqual({ ...NONE, agent: 3, admin: [4] });
    expect(passed(3, "admin:agent.socket:admin")).toEqual({ ...NONE, agent: 4, admin: [3, 5] });
  });

  test("can come alone", () => {
    expect(passed(1, "admin")).toEqual({ ...NONE, admin: [3] });
  });
});

test("several others are an error, since there is one to serve on", () => {
  for (const [count, names] of [[2], [2, "a:b"], [3, "a:b:admin"]] as [number, string?][]) {
    expect(() => passed(count, names)).toThrow(
      new SocketError(
        "socket-inherited",
        "the service manager passed 2 sockets; this agent serves one, so give its unit a single ListenStream, and sockets for the admin endpoint the name admin (FileDescriptorName=)",
      ),
    );
  }
});

test("what the service had stored is told from its listening sockets by its name", () => {
  const names =
    "wasm-agent-state:sentinel-wasm-agent.socket:wasm-agent-connection:admin:wasm-agent-connection";
  expect(passed(5, names)).toEqual({
    agent: 4,
    admin: [6],
    stored: [
      { name: "wasm-agent-state", descriptor: 3 },
      { name: "wasm-agent-connection", descriptor: 5 },
      { name: "wasm-agent-connection", descriptor: 7 },
    ],
  });
});
