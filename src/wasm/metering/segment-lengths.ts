/**
 * How long segments of code may be (`path-costs.ts`), in units of fuel. Short ones charge for what runs and not for what
 * might; long ones take fuel less often.
 */

/** How long the ways of a segment may be, outside of loops and in them, where taking fuel is cheaper. */
export const maxOuterReach = 512;
export const maxLoopReach = 32;

/** The same for code that always runs when its segment begins, so that the segment pays no more than what runs. */
export const maxStraightReach = 512;

/** Ways are measured after so much cost at a time, so they may be a little longer. */
export const costStep = 8;
export const reachTolerance = 16;

/** Where little can be left to callers: in a function of more bytes one check at the entry is cheaper than many later. */
export const maxLazyBytes = 256;

/** A place in a loop that counts also checks when so much, or nearly twice as much, may have been counted since the last. */
export const maxUncheckedReach = 64;

/**
 * Code behind a loop belongs to the segment from before the loop where no more loops than that are around it. In more,
 * too much could be paid on the way in and run on the way out.
 */
export const maxPrepaidDepth = 4;
