/**
 * Lets lines of one kind through at a bounded rate and counts the rest: the same trap, or a guest that prints in a loop,
 * must not fill a disk. Without timers: the count appears on the next line of its kind, or at `flush`.
 */

import type { Log, LogFields, LogLevel } from "./log.ts";

export interface RateLimitedLogOptions {
  readonly intervalMs?: number;
  /** How many lines of one key may pass in an interval. */
  readonly linesPerInterval?: number;
  /** Keys remembered at once. Further ones share a single allowance, so that many keys are no way around the limit. */
  readonly maxKeys?: number;
  /** A clock that never goes back. */
  readonly nowMs?: () => number;
}

interface Window {
  startedMs: number;
  passed: number;
  suppressed: number;
  /** The last suppressed line, to name what a remaining count is about. */
  level: LogLevel;
  message: string;
}

const SHARED_KEY = Symbol("all keys beyond the remembered ones");

export class RateLimitedLog {
  readonly #log: Log;
  readonly #intervalMs: number;
  readonly #linesPerInterval: number;
  readonly #maxKeys: number;
  readonly #nowMs: () => number;
  readonly #windows = new Map<string | typeof SHARED_KEY, Window>();

  constructor(log: Log, options: RateLimitedLogOptions = {}) {
    this.#log = log;
    this.#intervalMs = options.intervalMs ?? 1000;
    this.#linesPerInterval = options.linesPerInterval ?? 1;
    this.#maxKeys = options.maxKeys ?? 256;
    this.#nowMs = options.nowMs ?? performance.now.bind(performance);
  }

  /** The first line after some were held back carries their number as the field `suppressed`. */
  write(level: LogLevel, key: string, message: string, fields: LogFields = {}): void {
    const nowMs = this.#nowMs();
    const window = this.#windowOf(key, nowMs, level, message);
    if (nowMs - window.startedMs >= this.#intervalMs) {
      window.startedMs = nowMs;
      window.passed = 0;
    }
    if (window.passed >= this.#linesPerInterval) {
      window.suppressed += 1;
      window.level = level;
      window.message = message;
      return;
    }
    window.passed += 1;
    const { suppressed } = window;
    window.suppressed = 0;
    this.#log[level](message, suppressed === 0 ? fields : { ...fields, suppressed });
  }

  /** Reports every count that no later line has reported, and starts afresh. */
  flush(): void {
    for (const window of this.#windows.values()) this.#reportRest(window);
    this.#windows.clear();
  }

  #windowOf(key: string, nowMs: number, level: LogLevel, message: string): Window {
    const known = this.#windows.get(key);
    if (known !== undefined) return known;
    if (this.#windows.size >= this.#maxKeys) this.#forgetEnded(nowMs);
    const full = this.#windows.size >= this.#maxKeys;
    const shared = full ? this.#windows.get(SHARED_KEY) : undefined;
    if (shared !== undefined) return shared;
    const window = { startedMs: nowMs, passed: 0, suppressed: 0, level, message };
    this.#windows.set(full ? SHARED_KEY : key, window);
    return window;
  }

  #forgetEnded(nowMs: number): void {
    for (const [key, window] of this.#windows) {
      if (nowMs - window.startedMs < this.#intervalMs) continue;
      this.#reportRest(window);
      this.#windows.delete(key);
    }
  }

  #reportRest(window: Window): void {
    if (window.suppressed === 0) return;
    this.#log[window.level]("more lines like this were held back", {
      like: window.message,
      suppressed: window.suppressed,
    });
  }
}
