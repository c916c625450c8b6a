/** The fuzz target itself: a short run that always takes the same way, and everything longer runs have found. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { examplePolicy } from "../support/example-modules.ts";
import { type IndoorAgent, openIndoorAgent } from "../support/indoor-agent.ts";
import { RecordedLog } from "../support/recorded-log.ts";
import { runCampaign } from "./fuzz/campaign.ts";
import { chunksOf, readFinds } from "./fuzz/kept-finds.ts";
import { faultOfResult } from "./fuzz/result-case.ts";
import { faultOf } from "./fuzz/stream-case.ts";

const CASES = 4000;
const SEED = 3;

test("a short run finds nothing", async () => {
  const report = await runCampaign({
    module: examplePolicy("rust"),
    seed: SEED,
    mayGoOn: (casesDone) => casesDone < CASES,
  });
  expect(report).toEqual({ cases: CASES, find: null });
});

describe("kept finds", async () => {
  const finds = await readFinds();
  const log = new RecordedLog();
  let agent: IndoorAgent;
  beforeAll(async () => {
    agent = await openIndoorAgent(examplePolicy("rust"), { log });
  });
  afterAll(() => agent.close());

  test.each(finds)("$file: $what", (find) => {
    const fault = find.kind === "stream" ? faultOf(agent, log, chunksOf(find)) : faultOfResult(find.result);
    expect(fault).toBeNull();
  });
});
