/** A run of the fuzzer: streams of spoilt frames, and spoilt results, one after the other. */

import { openIndoorAgent } from "../../support/indoor-agent.ts";
import { RecordedLog } from "../../support/recorded-log.ts";
import { readRecordings } from "../recorded-frames.ts";
import { readGuestCases } from "../recorded-rust-agent.ts";
import { type Find, streamFind } from "./kept-finds.ts";
import { mutateText } from "./mutation.ts";
import { Random } from "./random.ts";
import { faultOfResult } from "./result-case.ts";
import { faultOf } from "./stream-case.ts";
import { randomStream } from "./stream-fuzz.ts";

export interface CampaignOptions {
  /** Path of the guest that answers the streams. */
  readonly module: string;
  readonly seed: number;
  /** Asked before every case. */
  readonly mayGoOn: (casesDone: number) => boolean;
}

export interface CampaignReport {
  readonly cases: number;
  readonly find: Find | null;
}

/** An optional key each, so that mutations of results reach all of them. */
const RICH_RESULT =
  '{"decision":"block","status":429,"body":"no","add_request_headers":{"X-A":["1","2"]},"remove_request_headers":["X-B"],"add_response_headers":{"Retry-After":"5"},"remove_response_headers":["Server"],"tags":["t"],"rule_ids":["r"],"confidence":0.5,"reason_codes":["c"],"custom":{"a":{"b":[1]}},"routing_metadata":{"k":"v"}}';

/** Ends at the first find. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const random = new Random(options.seed);
  const recordings = await readRecordings();
  const results = (await readGuestCases()).flatMap(({ result }) => result ?? []);
  const log = new RecordedLog();
  const agent = await openIndoorAgent(options.module, { log });
  let cases = 0;
  try {
    for (; options.mayGoOn(cases); cases++) {
      const find = random.chance(0.5) ? tryStream() : tryResult();
      if (find !== null) return { cases, find };
      // The ring refills from timers; a guest that broke must be back for the next case.
      if (agent.ring.idleCount === 0) await Bun.sleep(1);
    }
    return { cases, find: null };
  } finally {
    agent.close();
  }

  function tryStream(): Find | null {
    const chunks = randomStream(recordings, random);
    const fault = faultOf(agent, log, chunks);
    return fault === null ? null : streamFind(fault, chunks);
  }

  function tryResult(): Find | null {
    const recorded = random.chance(0.5) ? RICH_RESULT : random.pick(results);
    const result = mutateText(recorded, random).toString();
    const fault = faultOfResult(result);
    return fault === null ? null : { kind: "result", what: fault, result };
  }
}
