/** Facts about the project that its packages state, and where its files are. */

import { resolve } from "node:path";
import manifest from "../../package.json" with { type: "json" };

export const ROOT = resolve(import.meta.dir, "../..");

export const PROJECT = {
  name: manifest.name,
  version: manifest.version,
  description: manifest.description,
  homepage: "https://github.com/zentinelproxy/sentinel-wasm-agent",
  maintainer: "The sentinel-wasm-agent authors <sentinel-wasm-agent@users.noreply.github.com>",
  /** The Bun whose runtime releases carry. */
  bunVersion: manifest.devDependencies.bun,
} as const;

/** Where the files of a release can be downloaded from. */
export const DOWNLOADS = `${PROJECT.homepage}/releases/download/v${PROJECT.version}`;
