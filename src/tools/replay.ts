/**
 * Calls a guest with every event of a recording, and tells where it decides otherwise than was recorded.
 */

import type { ProxyEvent } from "../event/event.ts";
import type { BenchGuest } from "./bench-guest.ts";
import { compareOutcomes, type Difference } from "./compare-outcomes.ts";
import { type OutcomeJson, writeOutcome } from "../telemetry/recording/outcome-json.ts";
import type { RecordedEvent } from "../telemetry/recording/recording.ts";

export interface ReplayedEvent {
  readonly line: number;
  readonly event: ProxyEvent;
  readonly before: OutcomeJson;
  readonly after: OutcomeJson;
  /** Empty when both come to the same. */
  readonly differences: readonly Difference[];
  readonly isRedacted: boolean;
}

/** One after the other on one instance, in the order in which they were recorded. */
export async function* replay(
  recording: AsyncIterable<RecordedEvent>,
  guest: BenchGuest,
): AsyncGenerator<ReplayedEvent> {
  for await (const { line, event, outcome: before, isRedacted } of recording) {
    const { outcome } = await guest.call(event);
    const after = writeOutcome(outcome);
    guest.takeLines();
    yield { line, event, before, after, differences: compareOutcomes(before, after), isRedacted };
  }
}
