/**
 * Runs every endless guest until its slices are used up and prints one EndlessRun a line. A process of its own,
 * because a guest that is not stopped cannot be stopped from outside either.
 */

import { endlessGuests } from "./endless-guests.ts";
import { guestFailure } from "./guest-failure.ts";
import { limitedBuilder, startedInstance, wideCaps } from "./module-build.ts";

export interface EndlessRun {
  readonly name: string;
  readonly end: string;
  readonly msPerSlice: number;
  /** How often the guest went on after it was told to stop. */
  readonly disobeyed: number;
}

export const slices = 40;
const fuelPerSlice = 100_000;

if (import.meta.main) {
  for (const { name, bytes } of await endlessGuests()) {
    let ends = 0;
    const built = limitedBuilder({ ...wideCaps, fuelPerSlice }, () => (++ends < slices ? 0 : 1))(bytes);
    const { exports } = startedInstance(built, { host: { nothing: () => {} } });
    const started = performance.now();
    let end = "returned";
    try {
      (exports["run"] as (input: number) => void)(1);
    } catch (error) {
      end = guestFailure(error).text;
    }
    const msPerSlice = (performance.now() - started) / slices;
    const report: EndlessRun = { name, end, msPerSlice, disobeyed: ends - slices };
    process.stdout.write(`${JSON.stringify(report)}\n`);
  }
}
