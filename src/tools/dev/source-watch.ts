/**
 * Tells when files of a project have changed and come to rest. It looks at them a few times a second instead of asking
 * the kernel: source folders sit beside dependency and cache folders with more directories than a watch should hold,
 * and mounts into containers send no news at all.
 */

import { readFileSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";

export interface SourceWatchOptions {
  /** Watched with everything below it; null watches the single files only. */
  readonly folder: string | null;
  /** Watched wherever they are, also when they do not exist yet. */
  readonly files: () => readonly string[];
  /** Paths relative to the folder, or as given for single files; at least one. */
  readonly onChange: (changed: readonly string[]) => void;
}

interface Seen {
  readonly stamp: string;
  readonly digest: bigint | number | null;
}

const TICK_MS = 150;
/** Enough for any policy; a folder with more is most likely not what was meant. */
const MAX_FILES = 4000;
/** Larger files count as changed by their time alone. */
const MAX_HASHED_BYTES = 1024 * 1024;

const IGNORED_FOLDERS: ReadonlySet<string> = new Set([
  "node_modules",
  "target",
  "dist",
  "build",
  "zig-out",
  "zig-cache",
  "vendor",
]);
/** What builds write among the sources. */
const IGNORED_FILES =
  /(?:\.wasm|\.tar\.gz|\.tgz|\.o|~|\.sw[a-z]|\.lock|\.tmp|^package-lock\.json|^go\.sum|^4913)$/;

export class SourceWatch {
  readonly #options: SourceWatchOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  #settled: ReadonlyMap<string, Seen>;
  #last: ReadonlyMap<string, string>;

  constructor(options: SourceWatchOptions) {
    this.#options = options;
    this.#last = this.#stamps();
    this.#settled = seenFrom(this.#last, new Map());
    this.#timer = setInterval(() => this.#look(), TICK_MS);
  }

  get fileCount(): number {
    return this.#last.size;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = this.#stamps();
    const isAtRest = sameStamps(now, this.#last);
    this.#last = now;
    if (!isAtRest || isKnown(now, this.#settled)) return;
    const before = this.#settled;
    this.#settled = seenFrom(now, before);
    const changed = differences(before, this.#settled);
    if (changed.length > 0) this.#options.onChange(changed.map((path) => this.#shown(path)));
  }

  #shown(path: string): string {
    const { folder } = this.#options;
    return folder === null ? path : relative(folder, path);
  }

  #stamps(): Map<string, string> {
    const stamps = new Map<string, string>();
    for (const path of this.#options.files()) addStamp(stamps, path);
    if (this.#options.folder !== null) walk(this.#options.folder, stamps);
    return stamps;
  }
}

function walk(folder: string, stamps: Map<string, string>): void {
  let entries: ReturnType<typeof listFolder>;
  try {
    entries = listFolder(folder);
  } catch {
    // Removed between two looks; its files are missed below.
    return;
  }
  for (const entry of entries) {
    if (stamps.size >= MAX_FILES) return;
    if (entry.name.startsWith(".")) continue;
    if (entry.isDirectory()) {
      if (!IGNORED_FOLDERS.has(entry.name)) walk(join(folder, entry.name), stamps);
    } else if (!IGNORED_FILES.test(entry.name)) {
      addStamp(stamps, join(folder, entry.name));
    }
  }
}

function listFolder(folder: string) {
  return readdirSync(folder, { withFileTypes: true });
}

function addStamp(stamps: Map<string, string>, path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile()) stamps.set(path, `${stats.ino}:${stats.size}:${stats.mtimeMs}`);
}

function sameStamps(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  if (a.size !== b.size) return false;
  for (const [path, stamp] of a) if (b.get(path) !== stamp) return false;
  return true;
}

function isKnown(stamps: ReadonlyMap<string, string>, seen: ReadonlyMap<string, Seen>): boolean {
  if (stamps.size !== seen.size) return false;
  for (const [path, stamp] of stamps) if (seen.get(path)?.stamp !== stamp) return false;
  return true;
}

function seenFrom(stamps: ReadonlyMap<string, string>, before: ReadonlyMap<string, Seen>): Map<string, Seen> {
  const seen = new Map<string, Seen>();
  for (const [path, stamp] of stamps) {
    const known = before.get(path);
    seen.set(path, known?.stamp === stamp ? known : { stamp, digest: digestOf(path) });
  }
  return seen;
}

/** A file that was written again with the same content, as generators do, has not changed. */
function differences(before: ReadonlyMap<string, Seen>, now: ReadonlyMap<string, Seen>): string[] {
  const changed: string[] = [];
  for (const [path, seen] of now) {
    const known = before.get(path);
    if (known === seen) continue;
    if (known === undefined || seen.digest === null || known.digest !== seen.digest) changed.push(path);
  }
  for (const path of before.keys()) if (!now.has(path)) changed.push(path);
  return changed;
}

/** Null for what is too large or cannot be read. */
function digestOf(path: string): bigint | number | null {
  try {
    if (statSync(path).size > MAX_HASHED_BYTES) return null;
    return Bun.hash(readFileSync(path));
  } catch {
    return null;
  }
}
