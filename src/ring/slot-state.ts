/**
 * The life of a slot:
 * - `idle` can be called
 * - `busy` is calling its guest
 * - `broken` lost its instance and waits for a new one
 * - `closed` will never have one again
 */
export type SlotState = "idle" | "busy" | "broken" | "closed";
