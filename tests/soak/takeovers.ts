/**
 * The long run: 64 connections with 24 events in flight each, and a take-over each second for two minutes.
 *
 *   bun tests/soak/takeovers.ts [seconds] [flags of the agent]
 */

import { soakWithTakeovers } from "./takeover-soak.ts";

const [seconds = "120", ...flags] = process.argv.slice(2);
const result = await soakWithTakeovers({
  connections: 64,
  inFlight: 24,
  takeovers: Number(seconds),
  everyMs: 1000,
  pauseMs: 5,
  flags,
  onTakeover: (number) => number % 10 === 0 && console.log(`${number} take-overs`),
});
const sorted = result.pausedMs.toSorted((a, b) => a - b);
console.log({
  ...result,
  complaints: result.complaints.slice(0, 10),
  pausedMs: `median ${sorted[sorted.length >> 1]}, longest ${sorted.at(-1)}`,
});
process.exit(result.complaints.length === 0 && result.answered === result.counted ? 0 : 1);
