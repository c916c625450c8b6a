/**
 * Tells when a file has changed and come to rest: compilers write in pieces, and many tools write a new file and rename
 * it over the old one. So the folder is watched, not the file, and the news waits until nothing has moved for a while.
 */

import { type FSWatcher, statSync, watch } from "node:fs";
import { basename, dirname } from "node:path";

const SETTLE_MS = 100;

export class FileWatcher {
  readonly #path: string;
  readonly #onChange: () => void;
  readonly #watcher: FSWatcher;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #lastSeen: string;

  /** @throws the system's error when the folder cannot be watched. */
  constructor(path: string, onChange: () => void) {
    this.#path = path;
    this.#onChange = onChange;
    this.#lastSeen = stampOf(path);
    const name = basename(path);
    this.#watcher = watch(dirname(path), (_event, changed) => {
      if (changed === null || changed === name) this.#settle();
    });
  }

  close(): void {
    this.#watcher.close();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #settle(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const before = stampOf(this.#path);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      const now = stampOf(this.#path);
      if (now !== before) {
        this.#settle();
        return;
      }
      if (now === "" || now === this.#lastSeen) return;
      this.#lastSeen = now;
      this.#onChange();
    }, SETTLE_MS);
  }
}

/** Changes with the file's content as far as a stat can tell; empty while there is no file. */
function stampOf(path: string): string {
  try {
    const stats = statSync(path);
    return `${stats.ino}:${stats.size}:${stats.mtimeMs}`;
  } catch {
    return "";
  }
}
