/**
 * The state of an agent and of its connections in one file, which travels by its descriptor:
 *
 *     "WASMTAKE" | format: u32 | header length: u32 | header: JSON | bytes of the connections, one after the other
 *
 * The header says how many bytes belong to each connection. Numbers are little-endian: the file never leaves a machine.
 */

import { fstatSync, ftruncateSync, readSync, writeSync } from "node:fs";
import * as v from "valibot";
import type { ConnectionState } from "../../transport/uds/connection-state.ts";
import { type AgentState, agentStateSchema } from "./agent-state.ts";

/** Raise it when an older agent could not read the file any more. */
export const SNAPSHOT_FORMAT = 1;

export interface Snapshot {
  readonly agent: AgentState;
  readonly connections: readonly SavedConnection[];
}

export interface SavedConnection extends ConnectionState {
  /** Identity of the socket, where descriptors may come in another order than the connections; else 0. */
  readonly socketInode: number;
}

/** Bytes that are no snapshot, or a snapshot that is too large. */
export class SnapshotError extends Error {
  override readonly name = "SnapshotError";
}

const MAGIC = Buffer.from("WASMTAKE");
const PREFIX_BYTES = MAGIC.length + 8;
const MAX_HEADER_BYTES = 256 * 1024 * 1024;
/** Also what connections may have buffered, whatever the agent before allowed them. */
const MAX_BYTES = 1024 * 1024 * 1024;

const byteCount = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_BYTES));

const headerSchema = v.object({
  agent: agentStateSchema,
  connections: v.array(
    v.object({
      handler: v.nullable(v.record(v.string(), v.union([v.string(), v.number(), v.boolean()]))),
      unhandledBytes: byteCount,
      unsentBytes: byteCount,
      peerHasEnded: v.boolean(),
      socketInode: v.pipe(v.number(), v.integer()),
    }),
  ),
});

/**
 * Replaces what is in the file. Whoever reads it in the middle of that finds no snapshot.
 *
 * @throws SnapshotError when it would be too large to be read.
 */
export function writeSnapshot(fd: number, { agent, connections }: Snapshot): void {
  const header = Buffer.from(
    JSON.stringify({
      agent,
      connections: connections.map(({ handler, unhandled, unsent, peerHasEnded, socketInode }) => ({
        handler,
        unhandledBytes: unhandled.length,
        unsentBytes: unsent.length,
        peerHasEnded,
        socketInode,
      })),
    }),
  );
  const prefix = Buffer.alloc(PREFIX_BYTES);
  MAGIC.copy(prefix);
  prefix.writeUInt32LE(SNAPSHOT_FORMAT, MAGIC.length);
  prefix.writeUInt32LE(header.length, MAGIC.length + 4);
  const parts = [prefix, header, ...connections.flatMap(({ unhandled, unsent }) => [unhandled, unsent])];
  const totalBytes = parts.reduce((total, part) => total + part.length, 0);
  if (header.length > MAX_HEADER_BYTES || totalBytes > MAX_BYTES) {
    throw new SnapshotError(
      `the agent's state has ${totalBytes} bytes; at most ${MAX_BYTES} can be handed over`,
    );
  }
  ftruncateSync(fd, 0);
  let at = 0;
  for (const part of parts) {
    for (let done = 0; done < part.length; ) {
      const written = writeSync(fd, part, done, part.length - done, at);
      done += written;
      at += written;
    }
  }
}

/** @throws SnapshotError for anything that `writeSnapshot` does not write. */
export function readSnapshot(fd: number): Snapshot {
  const totalBytes = fstatSync(fd).size;
  if (totalBytes < PREFIX_BYTES || totalBytes > MAX_BYTES) {
    throw new SnapshotError(`the state that was handed over has ${totalBytes} bytes`);
  }
  let at = 0;
  const take = (bytes: number): Buffer => {
    if (bytes > totalBytes - at) throw new SnapshotError("the state that was handed over ends too early");
    const part = Buffer.allocUnsafeSlow(bytes);
    for (let done = 0; done < bytes; ) {
      const read = readSync(fd, part, done, bytes - done, at);
      if (read === 0) throw new SnapshotError("the state that was handed over ends too early");
      done += read;
      at += read;
    }
    return part;
  };
  const prefix = take(PREFIX_BYTES);
  const format = prefix.readUInt32LE(MAGIC.length);
  if (!prefix.subarray(0, MAGIC.length).equals(MAGIC) || format !== SNAPSHOT_FORMAT) {
    throw new SnapshotError(`the state that was handed over has a format that is not known here (${format})`);
  }
  const headerBytes = prefix.readUInt32LE(MAGIC.length + 4);
  if (headerBytes > MAX_HEADER_BYTES) throw new SnapshotError("the header of the state is too long");
  const { agent, connections } = readHeader(take(headerBytes));
  return {
    agent,
    connections: connections.map(({ handler, unhandledBytes, unsentBytes, peerHasEnded, socketInode }) => ({
      handler,
      unhandled: take(unhandledBytes),
      unsent: take(unsentBytes),
      peerHasEnded,
      socketInode,
    })),
  };
}

function readHeader(bytes: Buffer): v.InferOutput<typeof headerSchema> {
  try {
    return v.parse(headerSchema, JSON.parse(bytes.toString("utf8")));
  } catch (cause) {
    throw new SnapshotError("the header of the state that was handed over cannot be read", { cause });
  }
}
