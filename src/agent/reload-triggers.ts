/** What makes a serving agent reload its module: SIGHUP, and with `--watch` a change of its file. */

import { resolve } from "node:path";
import type { Log } from "../telemetry/log.ts";
import type { SdNotify } from "../os/sd-notify.ts";
import { FileWatcher } from "./file-watcher.ts";
import { type Reloadable, Reloader } from "./reloader.ts";
import type { Settings } from "./settings.ts";

export class ReloadTriggers {
  readonly #log: Log;
  readonly #systemd: SdNotify;
  #reloader: Reloader | null = null;
  #watcher: FileWatcher | null = null;
  #isAskedEarly = false;

  /** From now on SIGHUP does not end the process. One that comes before `serve` is answered then. */
  constructor(log: Log, systemd: SdNotify) {
    this.#log = log;
    this.#systemd = systemd;
    process.on("SIGHUP", () => this.#reload("SIGHUP"));
  }

  /** The agent is ready: there is something to reload. */
  serve(target: Reloadable, { watch, modulePath }: Settings): void {
    this.#reloader = new Reloader(target, this.#log);
    if (watch) this.#watcher = new FileWatcher(resolve(modulePath), () => this.#reload("the file changed"));
    if (this.#isAskedEarly) this.#reload("SIGHUP");
  }

  close(): void {
    this.#watcher?.close();
    // The handler stays: without one, a late SIGHUP would kill a draining process.
  }

  #reload(reason: string): void {
    if (this.#reloader === null) {
      this.#isAskedEarly = true;
      return;
    }
    this.#systemd.reloading();
    void this.#reloader.request(reason).then(() => this.#systemd.ready());
  }
}
