/** Looks at an agent's state again and again, and shows what happened in between. */

import type { Paint } from "../dev/screen/paint.ts";
import { CTRL_C, CTRL_D, readKeys } from "../terminal-keys.ts";
import type { AdminClient } from "./admin-client.ts";
import type { AgentStatus } from "./agent-status.ts";
import { ratesBetween } from "./rates.ts";
import { PLAIN_HEAD, plainLine, topScreen } from "./top-screen.ts";

export interface TopOptions {
  readonly client: AdminClient;
  /** Answers false when nobody reads any more. */
  readonly write: (text: string) => boolean;
  /** Null where standard output is no terminal: then each look is a line. */
  readonly size: (() => { readonly columns: number; readonly rows: number }) | null;
  readonly paint: Paint;
  readonly intervalMs: number;
  /** Looks to take; null goes on until it is ended. */
  readonly count: number | null;
}

/** The other screen of the terminal, so that what was there before comes back. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_TO_END_OF_LINE = "\x1b[K";

/** Resolves when it is ended by a key or a signal, or has looked `count` times. @throws OperateError */
export async function top(options: TopOptions): Promise<void> {
  const { client, write, size, count, intervalMs } = options;
  let isPaused = false;
  const ended = Promise.withResolvers<null>();
  const end = () => ended.resolve(null);
  let before = await client.status();
  const releaseKeys =
    size === null
      ? () => {}
      : readKeys(process.stdin, (key) => {
          if (key === "q" || key === CTRL_C || key === CTRL_D) end();
          if (key === " " || key === "p") isPaused = !isPaused;
        });
  process.on("SIGINT", end).on("SIGTERM", end);
  write(size === null ? `${PLAIN_HEAD}\n` : ENTER);
  try {
    for (let looks = 0; count === null || looks < count; looks++) {
      // The first look has nothing before it, so it comes soon.
      const waitMs = looks === 0 && size !== null ? Math.min(FIRST_LOOK_MS, intervalMs) : intervalMs;
      const next = await Promise.race([ended.promise, Bun.sleep(waitMs).then(() => client.status())]);
      if (next === null) return;
      if (!isPaused && !show(options, before, next)) return;
      before = next;
    }
  } finally {
    if (size !== null) write(LEAVE);
    releaseKeys();
    process.off("SIGINT", end).off("SIGTERM", end);
  }
}

const FIRST_LOOK_MS = 200;

/** False when nobody reads any more. */
function show({ write, size, paint }: TopOptions, before: AgentStatus, now: AgentStatus): boolean {
  const rates = ratesBetween(before, now);
  if (size === null) return write(`${plainLine(now, rates)}\n`);
  const lines = topScreen(now, rates, { ...size(), paint });
  return write(HOME + lines.map((line) => line + CLEAR_TO_END_OF_LINE).join("\r\n"));
}
