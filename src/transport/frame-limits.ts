/** Sizes of frames, docs/agent-protocol.md 2.1 and 3.1. A length does not count its own four bytes. */

export const LENGTH_PREFIX_BYTES = 4;

/** v1: the test of both peers is `length > limit`. */
export const V1_MAX_FRAME_BYTES = 10 * 1024 * 1024;

/** v2: the length counts the type byte, so the largest payload is one byte less. */
export const V2_MAX_FRAME_BYTES = 16 * 1024 * 1024;
