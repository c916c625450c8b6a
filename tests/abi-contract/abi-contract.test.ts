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

interface Mode {
  readonly flags: readonly string[];
  /** As those of a descriptor. */
  readonly exceptions: AbiDescriptor["exceptions"];
}

const MODES: readonly Mode[] = [
  { flags: ["--dispatch", "inline"], exceptions: {} },
  { flags: ["--dispatch", "workers"], exceptions: {} },
  { flags: ["--dispatch", "auto"], exceptions: {} },
  {
    flags: ["--isolation", "per-request"],
    exceptions: {
      "an instance serves many exchanges": "each has its own",
      "a reload starts with fresh instances": "each exchange does",
      "--isolation per-request gives each exchange an instance that nobody used before": "given already",
    },
  },
];

test("every ABI of the agent has a descriptor", () => {
  expect(DESCRIPTORS.map(({ name }) => name).sort()).toEqual(ABIS.map(({ name }) => name).sort());
});

describe.each([...DESCRIPTORS])("$name", (descriptor) => {
  for (const mode of MODES) {
    describe(mode.flags.join(" "), () => {
      const subject = subjectOf(descriptor, mode);
      for (const name of Object.keys(CASES) as CaseName[]) {
        const reason = descriptor.exceptions[name] ?? mode.exceptions[name];
        const title = reason === undefined ? name : `${name} (does not hold: ${reason})`;
        test.skipIf(reason !== undefined)(title, () => CASES[name](subject));
      }
    });
  }
});

function subjectOf(descriptor: AbiDescriptor, mode: Mode): Subject {
  const common = [...mode.flags, ...(descriptor.flags ?? [])];
  return {
    serve: async (behaviour, flags = []) =>
      ServingAgent.start(await descriptor.guest(behaviour), [...common, ...flags]),
    guest: (behaviour) => descriptor.guest(behaviour),
    blockHandles: descriptor.blockHandles,
    badResultCode: descriptor.badResultCode,
  };
}
