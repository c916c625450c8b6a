/** What real proxies sent, as it was recorded (vectors/README of the recordings: one line a frame, in order of arrival). */

import { join } from "node:path";

export interface RecordedFrame {
  /** Number of the connection it came on. */
  readonly conn: number;
  /** The v2 message type; null on v1. */
  readonly type: number | null;
  readonly text: string;
}

export interface Recording {
  readonly file: string;
  readonly protocol: 1 | 2;
  readonly proxyVersion: string;
  readonly frames: readonly RecordedFrame[];
}

export const VECTORS = join(import.meta.dir, "vectors");

interface Line {
  readonly conn: number;
  readonly type?: number;
  readonly text?: string;
  readonly eof?: boolean;
}

async function readRecording(file: string, protocol: 1 | 2, proxyVersion: string): Promise<Recording> {
  const text = await Bun.file(join(VECTORS, file)).text();
  const frames: RecordedFrame[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const { conn, type, text: payload, eof } = JSON.parse(line) as Line;
    if (eof === true) continue;
    if (payload === undefined) throw new Error(`a line of ${file} is neither a frame nor an end`);
    frames.push({ conn, type: type ?? null, text: payload });
  }
  return { file, protocol, proxyVersion, frames };
}

export function readRecordings(): Promise<readonly Recording[]> {
  return Promise.all([
    readRecording("sentinel-0.3.4-v1.jsonl", 1, "0.3.4"),
    readRecording("zentinel-0.6.45-v2.jsonl", 2, "0.6.45"),
    readRecording("zentinel-0.6.54-v2.jsonl", 2, "0.6.54"),
  ]);
}
