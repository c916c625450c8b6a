/**
 * What makes a serving agent reload its module: SIGHUP, and with `--watch` a change of its file, of its configuration's
 * or of its data's.
 */

import { resolve } from "node:path";
import type { Log } from "../telemetry/log.ts";
import type { SdNotify } from "../os/sd-notify.ts";
import type { ReloadResult } from "../telemetry/admin/admin-target.ts";
import { FileWatcher } from "./file-watcher.ts";
import { type Reloadable, Reloader } from "./reloader.ts";
import type { Settings } from "./settings.ts";

export class ReloadTriggers {
  readonly #log: Log;
  readonly #systemd: SdNotify;
  #reloader: Reloader | null = null;
  #watchers: readonly FileWatcher[] = [];
  #earlyReason: string | null = null;

  /** From now on SIGHUP does not end the process. One that comes before `serve` is answered then. */
  constructor(log: Log, systemd: SdNotify) {
    this.#log = log;
    this.#systemd = systemd;
    process.on("SIGHUP", () => this.#reload("SIGHUP"));
  }

  /** From now on changes of the files are seen. One that comes before `serve` is answered then. */
  watch({ watch, modulePath, configPath, dataPath }: Settings): void {
    const paths = watch ? [modulePath, configPath, dataPath].filter((path) => path !== null) : [];
    this.#watchers = paths.map(
      (path) => new FileWatcher(resolve(path), () => this.#reload("the file changed")),
    );
  }

  /** The agent is ready: there is something to reload. */
  serve(target: Reloadable): void {
    this.#reloader = new Reloader(target, this.#log);
    if (this.#earlyReason !== null) this.#reload(this.#earlyReason);
  }

  /** Null before and after the agent serves: nothing can be reloaded then. */
  request(reason: string): Promise<ReloadResult> | null {
    if (this.#reloader === null) return null;
    this.#systemd.reloading();
    return this.#reloader.request(reason).finally(() => this.#systemd.ready());
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close();
    // The handler stays: without one, a late SIGHUP would kill a draining process.
  }

  #reload(reason: string): void {
    if (this.request(reason) === null) this.#earlyReason = reason;
  }
}
