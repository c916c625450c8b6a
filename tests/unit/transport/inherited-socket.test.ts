import { expect, test } from "bun:test";
import { inheritedListenFd, storedDescriptors } from "../../../src/transport/uds/inherited-socket.ts";
import { SocketError } from "../../../src/transport/socket-error.ts";

const PID = 4711;

test("one socket that was passed to this process is file descriptor 3", () => {
  expect(inheritedListenFd({ LISTEN_FDS: "1", LISTEN_PID: "4711" }, PID)).toBe(3);
});

test.each([
  ["nothing was passed", {}],
  ["it was passed to another process", { LISTEN_FDS: "1", LISTEN_PID: "4712" }],
  ["no process is named", { LISTEN_FDS: "1" }],
  ["the count is zero", { LISTEN_FDS: "0", LISTEN_PID: "4711" }],
  ["the count is no number", { LISTEN_FDS: "one", LISTEN_PID: "4711" }],
  ["the count is negative", { LISTEN_FDS: "-1", LISTEN_PID: "4711" }],
])("no socket is inherited when %s", (_when, env) => {
  expect(inheritedListenFd(env, PID)).toBeNull();
});

test("several sockets are an error, since there is one to serve on", () => {
  expect(() => inheritedListenFd({ LISTEN_FDS: "2", LISTEN_PID: "4711" }, PID)).toThrow(
    new SocketError(
      "socket-inherited",
      "the service manager passed 2 sockets; this agent serves one, so give its unit a single ListenStream",
    ),
  );
});

test("what the service had stored is told from its listening socket by its name", () => {
  const env = {
    LISTEN_FDS: "4",
    LISTEN_PID: "4711",
    LISTEN_FDNAMES: "wasm-agent-state:sentinel-wasm-agent.socket:wasm-agent-connection:wasm-agent-connection",
  };
  expect(inheritedListenFd(env, PID)).toBe(4);
  expect(storedDescriptors(env, PID)).toEqual([
    { name: "wasm-agent-state", descriptor: 3 },
    { name: "wasm-agent-connection", descriptor: 5 },
    { name: "wasm-agent-connection", descriptor: 6 },
  ]);
  expect(storedDescriptors({ ...env, LISTEN_PID: "1" }, PID)).toEqual([]);
});
