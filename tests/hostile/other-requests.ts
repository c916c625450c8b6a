/**
 * Requests of other clients, in both protocols, while something bad goes on: how many were sent, and which of them were
 * not answered as they should have been.
 */

import type { AcceptedAnswer } from "../support/accepted-answer.ts";
import { type Phase, TimedClient } from "./timed-client.ts";

export interface OtherRequestsReport {
  readonly answered: number;
  /** Answers other than a plain allow, described; at most a few. */
  readonly wrong: readonly string[];
  readonly slowestMs: number;
}

const CLIENTS_PER_PROTOCOL = 4;
const IN_FLIGHT_V2 = 4;
const BOTH_PHASES: readonly [Phase, ...Phase[]] = ["request", "response"];
const MAX_WRONG_SHOWN = 5;

export function isPlainAllow(answer: AcceptedAnswer): boolean {
  return answer.decision === "allow" && answer.tags.length === 0 && answer.reasonCodes.length === 0;
}

/** Goes on until at least `count` are answered and `badThings` is over. */
export async function otherRequestsDuring(
  socketPath: string,
  count: number,
  badThings: Promise<unknown>,
  phases: readonly [Phase, ...Phase[]] = BOTH_PHASES,
): Promise<OtherRequestsReport> {
  let isOver = false;
  let answered = 0;
  let slowestMs = 0;
  const wrong: string[] = [];
  const setOver = () => {
    isOver = true;
  };
  badThings.then(setOver, setOver);

  const askOnAndOn = async (client: TimedClient): Promise<void> => {
    while (!isOver || answered < count) {
      const { answer, ms } = await client.ask(phases[answered % phases.length] ?? phases[0]);
      answered++;
      slowestMs = Math.max(slowestMs, ms);
      if (!isPlainAllow(answer) && wrong.length < MAX_WRONG_SHOWN) wrong.push(JSON.stringify(answer));
    }
  };

  const clients = await Promise.all(
    ([1, 2] as const).flatMap((protocol) =>
      Array.from({ length: CLIENTS_PER_PROTOCOL }, () => TimedClient.connect(socketPath, protocol)),
    ),
  );
  try {
    await Promise.all(
      clients.flatMap((client) =>
        Array.from({ length: client.protocol === 2 ? IN_FLIGHT_V2 : 1 }, () => askOnAndOn(client)),
      ),
    );
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
  await badThings;
  return { answered, wrong, slowestMs };
}
