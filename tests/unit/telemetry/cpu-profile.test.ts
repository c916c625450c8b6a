/** Guest functions in a profile get names; the agent's own WebAssembly is not taken for the guest's. */

import { expect, test } from "bun:test";
import { nameGuestFunctions, takeCpuProfile } from "../../../src/telemetry/cpu-profile.ts";

interface Node {
  readonly id: number;
  readonly callFrame: { functionName: string; url: string };
  readonly children: readonly number[];
}

const MODULE = {
  moduleName: "policy",
  functionName: (index: number) => (index === 4 ? "is_bot" : undefined),
  ownCallers: new Set(["read"]),
};

function node(id: number, functionName: string, ...children: number[]): Node {
  return { id, callFrame: { functionName, url: "" }, children };
}

function names(nodes: readonly Node[]): Record<number, string> {
  return Object.fromEntries(
    nodes.map(({ id, callFrame }) => [id, `${callFrame.functionName} ${callFrame.url}`.trim()]),
  );
}

test("functions of a guest are named as trap reports do, by name or number", () => {
  const nodes = [
    node(1, "(root)", 2),
    node(2, "call", 3),
    node(3, ".wasm-function[4]", 4),
    node(4, ".wasm-function[7]", 5),
    node(5, ".wasm-function[policy::decide]"),
  ];
  nameGuestFunctions({ nodes }, MODULE);
  expect(names(nodes)).toEqual({
    1: "(root)",
    2: "call",
    3: "is_bot wasm://policy",
    4: "function 7 wasm://policy",
    5: "policy::decide wasm://policy",
  });
});

test("what the agent's own functions call is not the guest's, as deep as it goes", () => {
  const nodes = [
    node(1, "(root)", 2, 5),
    node(2, "read", 3),
    node(3, ".wasm-function[4]", 4),
    node(4, ".wasm-function[4]"),
    node(5, "call", 6),
    node(6, ".wasm-function[4]"),
  ];
  nameGuestFunctions({ nodes }, MODULE);
  expect(names(nodes)).toMatchObject({
    3: "function 4 wasm://agent",
    4: "function 4 wasm://agent",
    6: "is_bot wasm://policy",
  });
});

test("a function of the host below a guest is what it is, and calls the guest", () => {
  const nodes = [
    node(1, "(root)", 2),
    node(2, ".wasm-function[4]", 3),
    node(3, "check", 4),
    node(4, ".wasm-function[4]"),
  ];
  nameGuestFunctions({ nodes }, MODULE);
  expect(names(nodes)).toMatchObject({ 3: "check", 4: "is_bot wasm://policy" });
});

test("a profile is one object with the nodes, samples and times that viewers read", async () => {
  const profile = JSON.parse(await takeCpuProfile(0.05, MODULE)) as Record<string, unknown>;
  expect(Object.keys(profile).sort()).toEqual(["endTime", "nodes", "samples", "startTime", "timeDeltas"]);
});
