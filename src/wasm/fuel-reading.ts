/**
 * Where the fuel of one instance stands (design.md 4.2). Two readings around a call tell what it used.
 */

export interface FuelReading {
  /** Units that the last armed call was granted. */
  readonly granted: number;
  /** Units left in the slice under way; a negative number when the guest was stopped at its end. */
  readonly left: number;
}

/** Units that a call used, about one for each instruction. */
export function fuelUsed(before: FuelReading, after: FuelReading): number {
  return after.granted + before.left - after.left;
}
