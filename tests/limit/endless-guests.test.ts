/** Nothing goes round for ever: every endless guest is stopped, at once when it is told, and its slices are short. */

import { expect, setDefaultTimeout, test } from "bun:test";
import { endlessGuests } from "./endless-guests.ts";
import type { EndlessRun } from "./endless-run.ts";

setDefaultTimeout(120_000);

/** A slice is meant to last some tenths of a millisecond; what is not counted at all lasts for ever. */
const longestSliceMs = 25;

test("every endless guest is stopped", async () => {
  const script = new URL("endless-run.ts", import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, script], { stdout: "pipe", stderr: "inherit", timeout: 90_000 });
  const output = await new Response(child.stdout).text();
  const runs: EndlessRun[] = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

  const guests = await endlessGuests();
  expect(runs.map(({ name }) => name)).toEqual(guests.map(({ name }) => name));
  for (const { name, end, disobeyed } of runs) {
    expect({ name, end, disobeyed }).toEqual({
      name,
      end: "trap: Unreachable code should not be executed",
      disobeyed: 0,
    });
  }
  expect(runs.filter(({ msPerSlice }) => msPerSlice > longestSliceMs)).toEqual([]);
});
