/**
 * What a developer's session works on: a folder, how it is built, and which file is the module. Whether that module is
 * any good is the loader's business.
 */

import { closeSync, globSync, openSync, readSync, statSync } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";
import { MODULE_MAGIC } from "../../wasm/binary/header.ts";
import { type BuildRecipe, findBuildRecipe, givenRecipe } from "./build-recipe.ts";
import type { DevSettings } from "./dev-settings.ts";

export interface DevProject {
  /** Absolute. Builds run here, and its files are watched when there is a build. */
  readonly folder: string;
  /** For people, relative to where the command was started. */
  readonly name: string;
  /** Null watches the module alone. */
  readonly recipe: BuildRecipe | null;
  /** Absolute: where the build puts the module. */
  readonly modulePath: string;
}

/** A path that no session can work on; the message says what to give instead. */
export class ProjectError extends Error {
  override readonly name = "ProjectError";
  readonly code = "project-unusable";
}

/** Of a module, and of a bundle with one. */
const MAGICS: readonly Buffer[] = [Buffer.from(MODULE_MAGIC), Buffer.of(0x1f, 0x8b)];

/** Where build tools leave modules, for a build that does not say. */
const USUAL_PLACES = [
  "*.wasm",
  "build/*.wasm",
  "dist/*.wasm",
  "target/*/release/*.wasm",
  "zig-out/bin/*.wasm",
];

/** @throws ProjectError */
export function openProject(
  settings: Pick<DevSettings, "path" | "buildCommand" | "builtModule">,
  startedIn = process.cwd(),
): DevProject {
  const path = resolve(startedIn, settings.path);
  const name = nameOf(path, startedIn);
  const kind = kindOf(path);
  if (kind === "missing") throw new ProjectError(`there is no ${settings.path}; give a module or a folder`);
  const given = settings.buildCommand === null ? null : givenRecipe(settings.buildCommand, "--build");
  if (kind === "file") {
    if (!mayBeModule(path)) {
      throw new ProjectError(
        `${settings.path} is not a WebAssembly module; give one, or a folder that builds one`,
      );
    }
    const folder = given === null ? dirname(path) : startedIn;
    return { folder, name, recipe: given, modulePath: path };
  }
  const recipe = given ?? findBuildRecipe(path);
  const built = settings.builtModule ?? recipe?.modulePath;
  const modulePath = built === undefined ? newestModule(path) : resolve(path, built);
  if (modulePath === null) {
    throw new ProjectError(
      `${name} neither says how it is built nor holds a module; give --build <command>, or a .wasm file`,
    );
  }
  return { folder: path, name, recipe, modulePath };
}

/** The module as it is on disk now: where the build says, else the newest in the usual places. Null without any. */
export function findModule(project: DevProject): string | null {
  return kindOf(project.modulePath) === "file" ? project.modulePath : newestModule(project.folder);
}

function newestModule(folder: string): string | null {
  let newest: { readonly path: string; readonly mtimeMs: number } | null = null;
  for (const found of globSync(USUAL_PLACES, { cwd: folder })) {
    const path = resolve(folder, found);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isFile() && (newest === null || stats.mtimeMs > newest.mtimeMs)) {
      newest = { path, mtimeMs: stats.mtimeMs };
    }
  }
  return newest?.path ?? null;
}

/** Relative to where the command was started, unless that leads out of there. */
function nameOf(path: string, startedIn: string): string {
  const name = relative(startedIn, path);
  return name === "" ? basename(path) : name.startsWith("..") ? path : name;
}

/** A file of another name must already be one; what a build is about to write need not. */
function mayBeModule(path: string): boolean {
  if (!statSync(path).isFile()) return false;
  return path.endsWith(".wasm") || startsLikeModule(path);
}

function startsLikeModule(path: string): boolean {
  const start = Buffer.alloc(MODULE_MAGIC.length);
  try {
    const fd = openSync(path, "r");
    try {
      readSync(fd, start);
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
  return MAGICS.some((magic) => start.subarray(0, magic.length).equals(magic));
}

function kindOf(path: string): "file" | "folder" | "missing" {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return "missing";
  return stats.isDirectory() ? "folder" : "file";
}
