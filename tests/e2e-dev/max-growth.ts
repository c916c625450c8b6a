/**
 * How much resident memory may grow between the first and the last fifth of a reload trial: what a garbage collector
 * leaves lying about, and far less than one instance a reload would come to.
 */
export const MAX_GROWTH_BYTES = 24 * 1024 * 1024;
