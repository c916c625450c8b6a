/**
 * The agent's own share of an event under load, and where it goes: the processor time of an event, less the guest's
 * calls and less what the trivial responder spends on one at the same rate. At the same rate both wake and are woken
 * equally often; at its own limit the responder answers several times as many events for each wake-up.
 *
 * The share is taken with a guest that does nothing. A guest's calls take longer under load than alone in a warm loop;
 * how much the example module's do is what its events cost beyond those.
 */

import {
  type Bar,
  type Bench,
  type Failure,
  loadVariant,
  runLength,
  type Scenario,
  type Table,
} from "../bench.ts";
import type { LoadProfile, LoadResult } from "../load.ts";
import { runMicro } from "../micro/run-micro.ts";
import { count, figure } from "../report/figures.ts";
import { faultBar } from "../report/load-table.ts";
import { failuresOf, medianOf, pairedMedian, runRounds, type Series, type Variant } from "../rounds.ts";

const CONNECTIONS = [16, 64];
/** The load whose share is taken apart. */
const PARTS_CONNECTIONS = 16;
/** High enough that the agent is hardly ever idle, low enough that it keeps up when the machine has a bad moment. */
const SHARE_OF_PEAK = 0.8;
const OWN_SHARE_BAR = { most: 2.5, unit: "µs" };

const cpuUs = (run: LoadResult): number => run.agentCpuUsPerEvent ?? Number.NaN;

/** Microseconds of a part alone, in a warm loop. */
type Parts = (name: string) => number | null;

/** What cannot be measured here costs its figures, not the scenario. */
async function microParts(bench: Bench, failures: Failure[]): Promise<Parts> {
  const { quick } = bench.options;
  const variants = [{ name: "parts alone", measure: () => runMicro({ quick }) }];
  const series = await runRounds(variants, 1, bench.progress);
  failures.push(...failuresOf(series));
  const figures = series[0]?.runs[0] ?? [];
  return (name) => {
    const found = figures.find((one) => one.name === name);
    return found === undefined ? null : found.nanoseconds / 1000;
  };
}

/** Events a second; null when the agent could not be measured. */
async function peakRate(bench: Bench, profile: LoadProfile, failures: Failure[]): Promise<number | null> {
  const module = bench.guests.example ?? bench.guests.constant;
  const name = `peak with ${profile.connections} connections`;
  const series = await runRounds(
    [loadVariant(bench, name, bench.agent, { module }, profile)],
    1,
    bench.progress,
  );
  failures.push(...failuresOf(series));
  return series[0]?.runs[0]?.eventsPerSecond ?? null;
}

function variants(bench: Bench, profile: LoadProfile): Variant<LoadResult>[] {
  const { example, constant } = bench.guests;
  return [
    loadVariant(bench, "trivial responder", bench.trivial, {}, profile),
    ...(example === null
      ? []
      : [loadVariant(bench, "example module", bench.agent, { module: example }, profile)]),
    loadVariant(bench, "constant guest", bench.agent, { module: constant }, profile),
  ];
}

/** What an event of one costs beyond an event of the other. */
function beyond(one: Series<LoadResult> | undefined, other: Series<LoadResult> | undefined): number | null {
  return pairedMedian(one, other, cpuUs, (whole, bare) => whole - bare);
}

/** Null where it is below nothing, too: the loops of the parts were not warm yet. */
function less(value: number | null, ...parts: readonly (number | null)[]): number | null {
  if (value === null || parts.includes(null)) return null;
  const left = parts.reduce<number>((rest, part) => rest - (part ?? 0), value);
  return left >= 0 ? left : null;
}

/** What the share consists of, as far as parts can be measured alone. */
function partsTable(parts: Parts, own: number | null): Table {
  const frame = parts("framing: cut a frame (16 a read)");
  const transcode = parts("codec: v1 frame to the guest's JSON, transcoded");
  const toVerdict = parts("guest: constant guest, v1 frame to verdict");
  const call = parts("guest: constant guest, bare calls, limits");
  const answer = parts("framing: gather an answer (16 a write)");
  const aroundGuest = less(toVerdict, transcode, call);
  const rest = less(own, frame, transcode, aroundGuest, answer);
  return {
    title: `Where the agent's own share goes, µs (${PARTS_CONNECTIONS} connections)`,
    columns: ["part", "µs"],
    rows: [
      ["cut the frame out of what was read", figure(frame)],
      ["frame to the guest's JSON", figure(transcode)],
      ["copy it to the guest, take the result out, find its verdict", figure(aroundGuest)],
      ["gather the answer for the write", figure(answer)],
      ["dispatch, counters, collector, cold caches: the rest", figure(rest)],
      ["all", figure(own)],
    ],
  };
}

export const share: Scenario = {
  name: "share",
  title: `The agent's own share of an event, v1, at ${SHARE_OF_PEAK} of its peak`,
  async run(bench) {
    const failures: Failure[] = [];
    const parts = await microParts(bench, failures);
    const rows: string[][] = [];
    const all: Series<LoadResult>[] = [];
    const bars: Bar[] = [];
    let partsOwnUs: number | null = null;
    for (const connections of CONNECTIONS) {
      const profile: LoadProfile = { protocol: "v1", connections, inFlight: 1, ...runLength(bench) };
      const peak = await peakRate(bench, profile, failures);
      if (peak === null) {
        bars.push({
          ...OWN_SHARE_BAR,
          text: `own share of an event, ${connections} connections`,
          value: null,
        });
        continue;
      }
      const ratePerSecond = Math.round(peak * SHARE_OF_PEAK);
      const series = await runRounds(
        variants(bench, { ...profile, ratePerSecond }),
        bench.options.rounds,
        bench.progress,
      );
      all.push(...series);
      const find = (name: string): Series<LoadResult> | undefined => series.find((one) => one.name === name);
      const [trivial, constant, example] = [
        find("trivial responder"),
        find("constant guest"),
        find("example module"),
      ];
      const constantCallUs = parts("guest: constant guest, bare calls, limits");
      const exampleCallUs = parts("guest: example module, bare calls, limits");
      const own = less(beyond(constant, trivial), constantCallUs);
      const guestBeyond = beyond(example, constant);
      if (connections === PARTS_CONNECTIONS) partsOwnUs = own;
      rows.push([
        String(connections),
        count(ratePerSecond),
        figure(medianOf(trivial, cpuUs)),
        figure(medianOf(constant, cpuUs)),
        figure(own),
        figure(medianOf(example, cpuUs)),
        figure(guestBeyond === null ? null : guestBeyond + (constantCallUs ?? 0)),
        figure(exampleCallUs),
        figure(less(beyond(example, trivial), exampleCallUs)),
      ]);
      const text = `own share of an event, ${connections} connections`;
      bars.push({ ...OWN_SHARE_BAR, text, value: own });
    }
    return {
      tables: [
        {
          title: "Where an event's processor time goes, µs",
          columns: [
            "connections",
            "events/s",
            "trivial responder",
            "constant guest",
            "agent's own share",
            "example module",
            "its calls",
            "its calls alone",
            "all but responder and calls alone",
          ],
          rows,
        },
        partsTable(parts, partsOwnUs),
      ],
      bars: [
        ...bars,
        faultBar(
          "own share",
          all.filter(({ name }) => name !== "trivial responder"),
        ),
      ],
      charts: [],
      failures: [...failures, ...failuresOf(all)],
      notes: [],
      runs: all,
    };
  },
};
