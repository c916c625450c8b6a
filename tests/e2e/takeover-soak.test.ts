/** A short run of tests/soak: pipelined clients, and one take-over after the other. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { soakWithTakeovers } from "../soak/takeover-soak.ts";

setDefaultTimeout(60_000);

test.skipIf(process.platform !== "linux").each(["inline", "workers"])(
  "24 events in flight on each of 64 connections, and six take-overs in a row, dispatch %s: every answer comes once",
  async (dispatch) => {
    const result = await soakWithTakeovers({
      connections: 64,
      inFlight: 24,
      takeovers: 6,
      everyMs: 50,
      pauseMs: 5,
      flags: ["--dispatch", dispatch],
    });
    expect(result.complaints).toEqual([]);
    expect(result.answered).toBeGreaterThan(64 * 24);
    expect(result.counted).toBe(result.answered);
  },
);
