/**
 * One specification for every ABI, on the socket's thread and on worker threads. An ABI registers with a descriptor:
 * guests with given behaviours, and the cases that do not hold for it, each with a reason.
 */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { ABIS } from "../../src/abi/registry.ts";
import { ServingAgent } from "../support/serving-agent.ts";
import { type CaseName, CASES } from "./cases.ts";
import type { Subject } from "./contract-case.ts";
import type { AbiDescriptor } from "./descriptor.ts";
import { DESCRIPTORS } from "./descriptors.ts";

/** Threads are started here, on a machine that may be busy. */
setDefaultTimeout(60_000);

const DISPATCH_MODES = ["inline", "workers", "auto"] as const;

test("every ABI of the agent has a descriptor", () => {
  expect(DESCRIPTORS.map(({ name }) => name).sort()).toEqual(ABIS.map(({ name }) => name).sort());
});

describe.each([...DESCRIPTORS])("$name", (descriptor) => {
  describe.each(DISPATCH_MODES)("--dispatch %s", (dispatch) => {
    const subject = subjectOf(descriptor, dispatch);
    for (const name of Object.keys(CASES) as CaseName[]) {
      const reason = descriptor.exceptions[name];
      const title = reason === undefined ? name : `${name} (does not hold: ${reason})`;
      test.skipIf(reason !== undefined)(title, () => CASES[name](subject));
    }
  });
});

function subjectOf(descriptor: AbiDescriptor, dispatch: (typeof DISPATCH_MODES)[number]): Subject {
  return {
    serve: async (behaviour, flags = []) =>
      ServingAgent.start(await descriptor.guest(behaviour), [
        "--dispatch",
        dispatch,
        ...(descriptor.flags ?? []),
        ...flags,
      ]),
    guest: (behaviour) => descriptor.guest(behaviour),
    blockHandles: descriptor.blockHandles,
    badResultCode: descriptor.badResultCode,
  };
}
