/**
 * The configuration that `--config` names: as it is, or as JSON text in one line. What is read is bounded, whatever the
 * path leads to: a device or a pipe may never end.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { InputError, systemReason } from "../event/input-error.ts";

/** As much as the largest configuration that a proxy can push on v1. */
export const MAX_CONFIG_BYTES = 10 * 1024 * 1024;

const PIECE_BYTES = 64 * 1024;

export interface ConfigFileOptions {
  /** A pipe can be read once only, and opening it waits for a writer: nothing for an agent that reads the file again. */
  readonly mayBePipe: boolean;
}

/**
 * Null for no path.
 *
 * @throws InputError `configuration-unreadable`, `configuration-too-large`, `configuration-not-json`
 */
export function readConfigFile(path: string | null, options: ConfigFileOptions): string | null {
  const bytes = readConfigBytes(path, options);
  return path === null || bytes === null ? null : configJson(path, bytes);
}

/**
 * The same, as it is.
 *
 * @throws InputError `configuration-unreadable`, `configuration-too-large`
 */
export function readConfigBytes(
  path: string | null,
  options: ConfigFileOptions,
): Uint8Array<ArrayBuffer> | null {
  if (path === null) return null;
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(readBounded(path, options.mayBePipe));
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw unreadable(path, systemReason(cause), cause);
  }
  if (bytes.length > MAX_CONFIG_BYTES) {
    throw new InputError(
      "configuration-too-large",
      `the configuration ${path} has more than ${MAX_CONFIG_BYTES} bytes`,
    );
  }
  return bytes;
}

/** What was read, as JSON text. @throws InputError `configuration-not-json` */
export function configJson(path: string, bytes: Uint8Array): string {
  try {
    return JSON.stringify(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError("configuration-not-json", `the configuration ${path} is not JSON: ${reason}`, {
      cause,
    });
  }
}

/** At most one byte more than may be. */
function readBounded(path: string, mayBePipe: boolean): Buffer {
  const fd = openSync(path, mayBePipe ? constants.O_RDONLY : constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (!mayBePipe && !stats.isFile() && !stats.isDirectory()) {
      throw unreadable(path, "it is not a regular file", null);
    }
    const pieces: Buffer[] = [];
    for (let length = 0; length <= MAX_CONFIG_BYTES; ) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, MAX_CONFIG_BYTES + 1 - length));
      const count = readSync(fd, piece);
      if (count === 0) break;
      pieces.push(piece.subarray(0, count));
      length += count;
    }
    return Buffer.concat(pieces);
  } finally {
    closeSync(fd);
  }
}

function unreadable(path: string, reason: string, cause: unknown): InputError {
  return new InputError("configuration-unreadable", `cannot read the configuration ${path}: ${reason}`, {
    cause,
  });
}
