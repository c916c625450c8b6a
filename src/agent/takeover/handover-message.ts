/**
 * What two agents say to each other while one takes over from the other: one JSON object a line, one side at a time.
 *
 *     new: hello        old: welcome      with the state file as of now
 *     new: prepare      old: held         with a new state file and the listening socket; the old one has stopped
 *     new: next         old: descriptors  with those of some connections, again and again
 *     new: prepared     old: commit
 *     new: committed    from here on the new one reads and writes, and the old one ends
 *
 * Until `committed` has been read, the old one can take everything back; the new one touches nothing before it has
 * written it. Instead of an answer, the old one may say `refused`. Descriptors travel beside the line (descriptor
 * passing), in the order of the connections in the state file.
 */

import * as v from "valibot";

/** Raise it when the order of messages, or what they need, changes. */
export const HANDOVER_VERSION = 1;

/** A line is never longer, its end included. */
export const MAX_MESSAGE_BYTES = 16 * 1024;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** From the new agent. */
const requestSchema = v.variant("type", [
  v.object({ type: v.literal("hello"), handover: count, version: v.string(), pid: count }),
  v.object({ type: v.literal("prepare") }),
  v.object({ type: v.literal("next") }),
  v.object({ type: v.literal("prepared") }),
  v.object({ type: v.literal("committed") }),
]);

/** From the old agent. */
const replySchema = v.variant("type", [
  /** `settleMs`: how long the answer to `prepare` may take. */
  v.object({ type: v.literal("welcome"), version: v.string(), pid: count, settleMs: count }),
  v.object({ type: v.literal("held"), connections: count }),
  /** Numbers of the connections in the state file; those that were closed meanwhile are left out. */
  v.object({ type: v.literal("descriptors"), connections: v.array(count), isLast: v.boolean() }),
  v.object({ type: v.literal("commit") }),
  v.object({
    type: v.literal("refused"),
    code: v.picklist(["busy", "version", "failed"]),
    reason: v.string(),
  }),
]);

export type HandoverRequest = v.InferOutput<typeof requestSchema>;
export type HandoverReply = v.InferOutput<typeof replySchema>;

export function encodeMessage(message: HandoverRequest | HandoverReply): Buffer {
  return Buffer.from(`${JSON.stringify(message)}\n`);
}

/** Null for a line that is none of these messages. */
export function readRequest(line: string): HandoverRequest | null {
  return parsed(requestSchema, line);
}

/** Null for a line that is none of these messages. */
export function readReply(line: string): HandoverReply | null {
  return parsed(replySchema, line);
}

function parsed<Schema extends v.GenericSchema>(schema: Schema, line: string): v.InferOutput<Schema> | null {
  try {
    const result = v.safeParse(schema, JSON.parse(line));
    return result.success ? result.output : null;
  } catch {
    return null;
  }
}
