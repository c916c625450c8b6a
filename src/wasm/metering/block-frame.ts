/**
 * What is kept for each block around a place (`path-costs.ts`): so many numbers in one flat array, because blocks nest as
 * deeply as code is long.
 */

export const frameKind = { block: 0, loop: 1, if: 2, try: 3 } as const;

export const frameStride = 12;

/** The `else...` fields hold in front of the block, the others of the ways that lead to its end. */
export const field = {
  kind: 0,
  /** How many loops are around it. */
  region: 1,
  segment: 2,
  reach: 3,
  elseSegment: 4,
  elseReach: 5,
  /** 1 when an exception may land there. */
  landing: 6,
  prepaid: 7,
  elsePrepaid: 8,
  /** 1 when a branch leads there from inside a loop that is not around the block. */
  loopExit: 9,
  unchecked: 10,
  elseUnchecked: 11,
} as const;
