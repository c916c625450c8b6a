/**
 * Turns what a guest writes into log lines: WASI's standard output and error byte by byte, AssemblyScript's trace and
 * console text by text. Nothing here is escaped; guest text travels in a field, and the log escapes fields.
 *
 * Cost is bounded for any guest: a line keeps 1 KiB, a stream one unfinished line, a slot a number of lines a second.
 */

import type { Log, LogLevel } from "../../telemetry/log.ts";
import { LineRate } from "./line-rate.ts";

export const MAX_LINE_BYTES = 1024;

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** The message of every line a guest wrote; the text is in the field `text`. */
export const GUEST_OUTPUT = "guest output";

export type ByteStream = "stdout" | "stderr";
export type GuestStream = ByteStream | "trace" | "console" | "log";

export interface GuestOutputOptions {
  readonly log: Log;
  readonly slot: number;
  /** Give the same one to every instance of a slot. */
  readonly rate?: LineRate;
  /** True drops everything: for an instance that only warms up. */
  readonly isMuted?: boolean;
}

interface PendingLine {
  readonly bytes: Buffer;
  length: number;
  /** Bytes of this line that were not kept. */
  cutBytes: number;
}

export class GuestOutput {
  readonly #log: Log;
  readonly #slot: number;
  readonly #rate: LineRate;
  #isMuted: boolean;
  #stdout: PendingLine | null = null;
  #stderr: PendingLine | null = null;

  constructor(options: GuestOutputOptions) {
    this.#log = options.log;
    this.#slot = options.slot;
    this.#rate = options.rate ?? new LineRate();
    this.#isMuted = options.isMuted ?? false;
  }

  get isMuted(): boolean {
    return this.#isMuted;
  }

  /** What was begun while muted is dropped, and what was begun before it is logged first. */
  set isMuted(isMuted: boolean) {
    if (!this.#isMuted) this.flush();
    this.#isMuted = isMuted;
  }

  /**
   * Takes `bytes[start..end)`, which may be a view of guest memory: what is kept is copied. Line ends become log lines,
   * empty lines nothing.
   */
  write(stream: ByteStream, bytes: Uint8Array, start: number, end: number): void {
    if (this.#isMuted || start === end) return;
    const line = this.#pendingLine(stream);
    // One reading of the clock for a write: thousands of empty-handed lines must not cost thousands of readings.
    let nowMs: number | undefined;
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      if (byte === NEWLINE) {
        nowMs ??= this.#rate.nowMs();
        this.#endLine(stream, line, nowMs);
      } else if (line.length < MAX_LINE_BYTES) {
        line.bytes[line.length++] = byte;
      } else {
        line.cutBytes++;
      }
    }
  }

  /** Bytes that the guest wrote and nobody looked at: they end the line as cut. */
  skip(stream: ByteStream, byteCount: number): void {
    if (this.#isMuted || byteCount === 0) return;
    const line = this.#pendingLine(stream);
    line.cutBytes += byteCount;
    this.#endLine(stream, line, this.#rate.nowMs());
  }

  /**
   * Logs one text as one line, whatever it contains. `cutBytes` were left out by the caller; `correlationId` belongs to
   * the exchange that the line is about.
   */
  writeLine(
    stream: GuestStream,
    level: LogLevel,
    text: string,
    cutBytes: number,
    correlationId?: string,
  ): void {
    if (this.#isMuted || !this.takes(level)) return;
    if (!this.#admit(this.#rate.nowMs())) return;
    const fields = this.#fields(stream, text, cutBytes);
    this.#log[level](
      GUEST_OUTPUT,
      correlationId === undefined ? fields : { ...fields, correlation_id: correlationId },
    );
  }

  /** Whether lines of this level are wanted at all. */
  takes(level: LogLevel): boolean {
    return level !== "debug" || this.#log.debugEnabled;
  }

  /** Logs `bytes[start..end)`, which may be a view of guest memory, as one line, whatever they contain. */
  writeLineBytes(stream: GuestStream, level: LogLevel, bytes: Uint8Array, start: number, end: number): void {
    if (this.#isMuted || !this.takes(level) || !this.#admit(this.#rate.nowMs())) return;
    const kept = Buffer.from(bytes.subarray(start, Math.min(end, start + MAX_LINE_BYTES)));
    const length = kept.length < end - start ? wholeCharacters(kept, kept.length) : kept.length;
    this.#log[level](
      GUEST_OUTPUT,
      this.#fields(stream, kept.toString("utf8", 0, length), end - start - length),
    );
  }

  /** Logs unfinished lines. Call it at the end of each guest call, so that no text waits for the next request. */
  flush(): void {
    const hasText = isBegun(this.#stdout) || isBegun(this.#stderr);
    if (!hasText && !this.#rate.hasSuppressed) return;
    const nowMs = this.#rate.nowMs();
    if (this.#stdout !== null) this.#endLine("stdout", this.#stdout, nowMs);
    if (this.#stderr !== null) this.#endLine("stderr", this.#stderr, nowMs);
    this.#noteSuppressed(nowMs);
  }

  #pendingLine(stream: ByteStream): PendingLine {
    if (stream === "stdout") {
      this.#stdout ??= emptyLine();
      return this.#stdout;
    }
    this.#stderr ??= emptyLine();
    return this.#stderr;
  }

  #endLine(stream: ByteStream, line: PendingLine, nowMs: number): void {
    if (isBegun(line) && this.#admit(nowMs)) {
      let { length, cutBytes } = line;
      if (cutBytes > 0) {
        length = wholeCharacters(line.bytes, length);
        cutBytes += line.length - length;
      } else if (line.bytes[length - 1] === CARRIAGE_RETURN) {
        length--;
      }
      const text = line.bytes.toString("utf8", 0, length);
      this.#log[stream === "stdout" ? "info" : "error"](GUEST_OUTPUT, this.#fields(stream, text, cutBytes));
    }
    line.length = 0;
    line.cutBytes = 0;
  }

  #admit(nowMs: number): boolean {
    this.#noteSuppressed(nowMs);
    return this.#rate.admit(nowMs);
  }

  #noteSuppressed(nowMs: number): void {
    const lines = this.#rate.takeSuppressed(nowMs);
    if (lines === 0) return;
    this.#log.warn(`${lines} ${lines === 1 ? "line" : "lines"} of guest output suppressed`, {
      slot: this.#slot,
    });
  }

  #fields(stream: GuestStream, text: string, cutBytes: number): Record<string, string | number | undefined> {
    return { slot: this.#slot, stream, text, cut_bytes: cutBytes === 0 ? undefined : cutBytes };
  }
}

function emptyLine(): PendingLine {
  return { bytes: Buffer.alloc(MAX_LINE_BYTES), length: 0, cutBytes: 0 };
}

function isBegun(line: PendingLine | null): boolean {
  return line !== null && (line.length > 0 || line.cutBytes > 0);
}

/** The length without a UTF-8 sequence that the cut went through, which would decode to a replacement character. */
function wholeCharacters(bytes: Uint8Array, length: number): number {
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const sequenceLength = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return sequenceLength > back ? length - back : length;
  }
  return length;
}
