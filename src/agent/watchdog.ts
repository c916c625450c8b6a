/**
 * Tells systemd at half of its watchdog's time that the event loop runs (sd_watchdog_enabled(3)): a loop that is held for
 * good, by a module without limits, is ended and started anew.
 */

import type { SdNotify } from "../os/sd-notify.ts";

const US_PER_MS = 1000;

export class Watchdog {
  readonly #timer: ReturnType<typeof setInterval> | null;

  constructor(systemd: SdNotify, env: Readonly<Record<string, string | undefined>>, pid: number) {
    const intervalMs = watchdogIntervalMs(env, pid);
    this.#timer = intervalMs === null ? null : setInterval(() => systemd.watchdog(), intervalMs);
    this.#timer?.unref();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }
}

/** Half of the time in which systemd wants to hear something; null when it wants nothing of this process. */
export function watchdogIntervalMs(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): number | null {
  const timeoutUs = Number(env["WATCHDOG_USEC"] ?? "");
  const watched = env["WATCHDOG_PID"] ?? "";
  if (!Number.isSafeInteger(timeoutUs) || timeoutUs <= 0) return null;
  if (watched !== "" && watched !== String(pid)) return null;
  return Math.max(1, Math.floor(timeoutUs / US_PER_MS / 2));
}
