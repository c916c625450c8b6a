/** What makes a serving agent reload its module: SIGHUP, and with `--watch` a change of its file. */

import { resolve } from "node:path";
import type { Log } from "../observe/log.ts";
import type { SdNotify } from "../observe/sd-notify.ts";
import { FileWatcher } from "./file-watcher.ts";
import { type Reloadable, Reloader } from "./reloader.ts";
import type { Settings } from "./settings.ts";

export class ReloadTriggers {
  readonly #reloader: Reloader;
  readonly #systemd: SdNotify;
  readonly #watcher: FileWatcher | null;
  readonly #onHangUp = () => this.#reload("SIGHUP");

  constructor(target: Reloadable, settings: Settings, log: Log, systemd: SdNotify) {
    this.#reloader = new Reloader(target, log);
    this.#systemd = systemd;
    process.on("SIGHUP", this.#onHangUp);
    this.#watcher = settings.watch
      ? new FileWatcher(resolve(settings.modulePath), () => this.#reload("the file changed"))
      : null;
  }

  close(): void {
    this.#watcher?.close();
    // The handler stays: without one, a late SIGHUP would kill a draining process.
  }

  #reload(reason: string): void {
    this.#systemd.reloading();
    void this.#reloader.request(reason).then(() => this.#systemd.ready());
  }
}
