/**
 * Tells systemd how the service is doing: sd_notify(3), over the socket named by NOTIFY_SOCKET. Does nothing where no
 * such socket is named, and never fails the agent: a service manager that does not listen is worth one log line.
 */

import { ptr } from "bun:ffi";
import { type Libc, openLibc } from "./libc.ts";
import type { Log } from "../telemetry/log.ts";
import { type DatagramOutcome, sendUnixDatagram } from "./unix-datagram.ts";

export interface SdNotifyOptions {
  /** The value of NOTIFY_SOCKET: an absolute path, or `@name` for the abstract name space. */
  readonly address: string | undefined;
  readonly log: Log;
  /** Without a C library to call, the `systemd-notify` program is asked. */
  readonly openLibc?: () => Libc | null;
}

const CLOCK_MONOTONIC = 1;
const HELPER_TIMEOUT_MS = 2000;

export class SdNotify {
  readonly #address: string;
  readonly #log: Log;
  readonly #openLibc: () => Libc | null;

  constructor(options: SdNotifyOptions) {
    this.#address = options.address ?? "";
    this.#log = options.log;
    this.#openLibc = options.openLibc ?? openLibc;
  }

  /** Also ends what `reloading` began. */
  ready(): void {
    this.#send(() => "READY=1");
  }

  reloading(): void {
    // `Type=notify-reload` only believes a reload that says when it began.
    this.#send((libc) =>
      libc === null ? "RELOADING=1" : `RELOADING=1\nMONOTONIC_USEC=${monotonicMicros(libc)}`,
    );
  }

  /** The event loop runs. */
  watchdog(): void {
    this.#send(() => "WATCHDOG=1");
  }

  stopping(): void {
    this.#send(() => "STOPPING=1");
  }

  /** One line for `systemctl status`. */
  status(text: string): void {
    this.#send(() => `STATUS=${text.replace(/\p{Cc}+/gu, " ")}`);
  }

  #send(compose: (libc: Libc | null) => string): void {
    if (this.#address === "") return;
    const libc = this.#openLibc();
    try {
      const state = compose(libc);
      const outcome =
        libc === null ? runSystemdNotify(this.#address, state) : sendUnixDatagram(libc, this.#address, state);
      if (!outcome.sent) {
        this.#log.warn("systemd could not be notified", {
          address: this.#address,
          state,
          reason: outcome.reason,
        });
      }
    } finally {
      libc?.close();
    }
  }
}

function runSystemdNotify(address: string, state: string): DatagramOutcome {
  try {
    const { exitCode } = Bun.spawnSync(["systemd-notify", ...state.split("\n")], {
      env: { PATH: process.env["PATH"], NOTIFY_SOCKET: address },
      stdio: ["ignore", "ignore", "ignore"],
      timeout: HELPER_TIMEOUT_MS,
    });
    return exitCode === 0 ? { sent: true } : { sent: false, reason: `systemd-notify ended with ${exitCode}` };
  } catch {
    return { sent: false, reason: "neither the C library nor systemd-notify could be used" };
  }
}

function monotonicMicros(libc: Libc): bigint {
  const time = new BigInt64Array(2);
  libc.symbols.clock_gettime(CLOCK_MONOTONIC, ptr(time));
  const [seconds = 0n, nanoseconds = 0n] = time;
  return seconds * 1_000_000n + nanoseconds / 1000n;
}
