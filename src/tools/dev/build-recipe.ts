/**
 * How a folder builds its module, as far as the folder says: by the build files of each language, else by the command
 * in its README. Nothing is run here.
 */

import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

export interface BuildRecipe {
  /** For `sh -c`, in the project's folder. */
  readonly command: string;
  /** Run before the first build while `unlessExists` is missing; null needs nothing. */
  readonly setup: { readonly command: string; readonly unlessExists: string } | null;
  /** Where the command was found, for people: `Cargo.toml`. */
  readonly origin: string;
  /** The file that the build makes, relative to the folder. */
  readonly modulePath: string;
}

type Detector = (folder: string) => BuildRecipe | null;

const USUAL_MODULE = "policy.wasm";
const RUST_TARGET = "wasm32-unknown-unknown";

/** Null when the folder does not say. */
export function findBuildRecipe(folder: string): BuildRecipe | null {
  const detectors: readonly Detector[] = [
    npmRecipe,
    cargoRecipe,
    goRecipe,
    zigRecipe,
    makeRecipe,
    readmeRecipe,
  ];
  for (const detect of detectors) {
    const recipe = detect(folder);
    if (recipe !== null) return recipe;
  }
  return null;
}

/** A command that somebody wrote down themselves. */
export function givenRecipe(command: string, origin: string): BuildRecipe {
  return { command, setup: null, origin, modulePath: outputIn(command) ?? USUAL_MODULE };
}

function npmRecipe(folder: string): BuildRecipe | null {
  const manifest = parsed(folder, "package.json", JSON.parse);
  const script = lookUp(manifest, "scripts", "build");
  if (typeof script !== "string") return null;
  const hasDependencies =
    lookUp(manifest, "dependencies") !== undefined || lookUp(manifest, "devDependencies") !== undefined;
  return {
    command: "npm run --silent build",
    setup: hasDependencies
      ? { command: "npm install --no-audit --no-fund", unlessExists: "node_modules" }
      : null,
    origin: "package.json",
    modulePath: outputIn(script) ?? USUAL_MODULE,
  };
}

function cargoRecipe(folder: string): BuildRecipe | null {
  const manifest = parsed(folder, "Cargo.toml", Bun.TOML.parse);
  const name = lookUp(manifest, "lib", "name") ?? lookUp(manifest, "package", "name");
  if (typeof name !== "string") return null;
  const ownTarget = lookUp(parsed(folder, ".cargo/config.toml", Bun.TOML.parse), "build", "target");
  const target = typeof ownTarget === "string" ? ownTarget : RUST_TARGET;
  return {
    command: `cargo build --release${typeof ownTarget === "string" ? "" : ` --target ${RUST_TARGET}`}`,
    setup: null,
    origin: "Cargo.toml",
    modulePath: join("target", target, "release", `${name.replaceAll("-", "_")}.wasm`),
  };
}

function goRecipe(folder: string): BuildRecipe | null {
  if (!existsSync(join(folder, "go.mod"))) return null;
  return {
    command: `GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o ${USUAL_MODULE} .`,
    setup: null,
    origin: "go.mod",
    modulePath: USUAL_MODULE,
  };
}

function zigRecipe(folder: string): BuildRecipe | null {
  if (!existsSync(join(folder, "build.zig"))) return null;
  const [built] = globSync("zig-out/bin/*.wasm", { cwd: folder });
  return {
    command: "zig build -Doptimize=ReleaseSafe",
    setup: null,
    origin: "build.zig",
    modulePath: built ?? join("zig-out", "bin", `${basename(folder)}.wasm`),
  };
}

function makeRecipe(folder: string): BuildRecipe | null {
  const makefile = ["Makefile", "makefile", "GNUmakefile"].find((name) => existsSync(join(folder, name)));
  if (makefile === undefined) return null;
  return { command: "make", setup: null, origin: makefile, modulePath: USUAL_MODULE };
}

/** The only command of the first shell block under "## Build": how the projects that `new` makes say it. */
function readmeRecipe(folder: string): BuildRecipe | null {
  const readme = textOf(folder, "README.md");
  const command = /^## Build$.*?^```sh\n([^\n]+)\n```$/ms.exec(readme ?? "")?.[1];
  return command === undefined ? null : givenRecipe(command, "README.md");
}

/** The module that a command line says it writes. */
function outputIn(command: string): string | null {
  return (
    /(?:--outFile|-femit-bin|--output|-o)(?:\s+|=)(\S+\.(?:wasm|tar\.gz))(?=\s|$)/.exec(command)?.[1] ??
    /\bcp \S+\.wasm \.(?=\s|$)/.exec(command)?.[0].replace(/^cp (?:\S*\/)?(\S+\.wasm) \.$/, "$1") ??
    null
  );
}

function parsed(folder: string, name: string, parse: (text: string) => unknown): unknown {
  const text = textOf(folder, name);
  if (text === null) return undefined;
  try {
    return parse(text);
  } catch {
    // The build tool itself says best what is wrong with its file.
    return undefined;
  }
}

function textOf(folder: string, name: string): string | null {
  try {
    return readFileSync(join(folder, name), "utf8");
  } catch {
    return null;
  }
}

function lookUp(value: unknown, ...keys: readonly string[]): unknown {
  let found = value;
  for (const key of keys) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}
