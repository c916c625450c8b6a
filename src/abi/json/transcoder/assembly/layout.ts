/**
 * Where everything lies in the transcoder's memory; event-transcoder.ts repeats the part it uses. Nothing is ever
 * allocated: an event that needs more room than this is left to the other decoder.
 */

/** What `transcode` found, for the host: see the offsets in event-transcoder.ts. */
export const ID_AT: usize = 0;
export const ID_LENGTH: usize = 4;
export const TEXT_AT: usize = 8;

/** One bit for each hash of a header name that was seen. */
export const NAME_BITS: usize = 64;
export const NAME_BITS_BYTES: usize = 64;

/** Start and length of each header name that was seen. */
export const NAMES: usize = 128;
export const MAX_NAMES: usize = 256;
/** Names that share bits must be compared one by one; clients choose names, and could choose only such. */
export const MAX_COMPARISONS: i32 = 8;

/** The text that a payload stands behind in a v1 frame. */
export const PREFIX: usize = 4096;

/** The frame. Vectors are read beyond its end, so it is followed by bytes that end any string. */
export const INPUT: usize = 8192;
export const MAX_INPUT_BYTES: usize = 65_536;
export const VECTOR_BYTES: usize = 16;

/** The headers are written from here on; what precedes them in the result is put before them, once it is known. */
export const HEADERS: usize = INPUT + 2 * MAX_INPUT_BYTES + 4096;
