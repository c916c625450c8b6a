/**
 * Records events and what became of them, for replay. It sits beside the way of events, never in it: they are kept as
 * they are when they settle and written a little later, many at a time. When events come faster than they can be
 * written, some are left out and counted; when the file has reached its bound, or cannot be written, recording ends and
 * serving goes on.
 */

import { closeSync, fstatSync, writeSync } from "node:fs";
import type { ProxyEvent } from "../../event/event.ts";
import { retain } from "../../event/event-text.ts";
import type { EventFailure } from "../../event/failure.ts";
import type { EventObserver, TakeoverFacts } from "../../event/observer.ts";
import type { Verdict } from "../../event/verdict.ts";
import type { Log } from "../log.ts";
import { InputError, systemReason } from "../../event/input-error.ts";
import { openForAppending } from "../open-for-appending.ts";
import { writeRecordingLine, writeTakeoverLine } from "./recording.ts";
import type { RedactedNames } from "./redaction.ts";

export interface RecorderOptions {
  readonly path: string;
  readonly maxBytes: number;
  /** Lower case. */
  readonly redactedNames: readonly string[];
  readonly log: Log;
}

interface Settled {
  readonly time: Date;
  readonly event: ProxyEvent;
  readonly outcome: Verdict | EventFailure;
  readonly us: number;
  /** Of its body or frame, and of what takes its place. */
  readonly bytes: number;
}

const FLUSH_AFTER_MS = 20;
/** A line of headers costs some microseconds: so many hold up the socket's thread for less than a millisecond. */
const MAX_LINES_PER_FLUSH = 128;
/** A flush ends behind the line with which it has written so much: bodies cost by their bytes. */
const MAX_BYTES_PER_FLUSH = 256 * 1024;
/** Events that may wait to be written, and the bytes of their bodies; more would cost memory without bound. */
const MAX_WAITING = 4096;
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** The body or frame of one event with what takes its place. Proxies buffer bodies of 1 MiB, if nobody says more. */
const MAX_EVENT_BYTES = 2 * 1024 * 1024;

export class Recorder implements EventObserver {
  readonly #options: RecorderOptions;
  readonly #redacted: RedactedNames;
  #fd: number | null;
  #sizeBytes: number;
  #waiting: Settled[] = [];
  #waitingBytes = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #recorded = 0;
  #leftOut = 0;

  private constructor(options: RecorderOptions, fd: number) {
    this.#options = options;
    this.#redacted = new Set(options.redactedNames);
    this.#fd = fd;
    this.#sizeBytes = fstatSync(fd).size;
    options.log.info("recording events", {
      file: options.path,
      redacted: options.redactedNames.join(",") || "nothing",
      max_bytes: options.maxBytes,
    });
  }

  /**
   * Goes on with a file that is there already; its size counts.
   *
   * @throws InputError `recording-unwritable`
   */
  static open(options: RecorderOptions): Recorder {
    try {
      return new Recorder(options, openForAppending(options.path));
    } catch (error) {
      throw new InputError(
        "recording-unwritable",
        `cannot write the recording ${options.path}: ${systemReason(error)}`,
        { cause: error },
      );
    }
  }

  onSettled(event: ProxyEvent, verdict: Verdict, us: number, failure: EventFailure | null): void {
    if (this.#fd === null) return;
    retain(event);
    const bytes = payloadBytes(event, verdict);
    if (
      bytes > MAX_EVENT_BYTES ||
      this.#waiting.length >= MAX_WAITING ||
      this.#waitingBytes + bytes > MAX_WAITING_BYTES
    ) {
      this.#leftOut++;
      return;
    }
    this.#waiting.push({ time: new Date(), event, outcome: failure ?? verdict, us, bytes });
    this.#waitingBytes += bytes;
    this.#flushLater(FLUSH_AFTER_MS);
  }

  onTakeover(takeover: TakeoverFacts): void {
    const line = writeTakeoverLine(new Date(), takeover);
    const bytes = Buffer.byteLength(line);
    if (this.#sizeBytes + bytes <= this.#options.maxBytes) this.#write([line], bytes, 0);
  }

  /** Writes what is waiting and closes the file. */
  close(): void {
    while (this.#waiting.length > 0 && this.#fd !== null) this.#flush();
    this.#end("recorded events", {});
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#fd === null) return;
    const lines: string[] = [];
    let bytes = 0;
    let isFull = false;
    for (const entry of this.#waiting) {
      if (lines.length >= MAX_LINES_PER_FLUSH || bytes >= MAX_BYTES_PER_FLUSH) break;
      const line = writeRecordingLine(entry, this.#redacted);
      const lineBytes = Buffer.byteLength(line);
      isFull = this.#sizeBytes + bytes + lineBytes > this.#options.maxBytes;
      if (isFull) break;
      lines.push(line);
      bytes += lineBytes;
    }
    for (const { bytes: written } of this.#waiting.splice(0, lines.length)) this.#waitingBytes -= written;
    this.#write(lines, bytes, lines.length);
    if (isFull) {
      this.#end("recording has ended: the file has reached its bound (--record-max)", {
        max_bytes: this.#options.maxBytes,
      });
    }
    if (this.#waiting.length > 0 && this.#fd !== null) this.#flushLater(0);
  }

  #write(lines: readonly string[], bytes: number, events: number): void {
    if (this.#fd === null || lines.length === 0) return;
    try {
      writeWhole(this.#fd, Buffer.from(lines.join("")));
      this.#sizeBytes += bytes;
      this.#recorded += events;
    } catch (error) {
      this.#end("recording has ended: the file cannot be written", { reason: systemReason(error) });
    }
  }

  #flushLater(delayMs: number): void {
    this.#timer ??= setTimeout(() => this.#flush(), delayMs);
  }

  #end(message: string, facts: Readonly<Record<string, string | number>>): void {
    if (this.#fd === null) return;
    closeSync(this.#fd);
    this.#fd = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const { log, path } = this.#options;
    log.info(message, { file: path, events: this.#recorded, left_out: this.#leftOut, ...facts });
  }
}

/** A disk that fills up takes a part and says so only at the next write. */
function writeWhole(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function payloadBytes(event: ProxyEvent, { replacement }: Verdict): number {
  const bytes = "bytes" in event ? event.bytes.length : "content" in event ? event.content.length : 0;
  return bytes + (replacement?.length ?? 0);
}
