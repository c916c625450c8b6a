/**
 * Finds out whether the toolchain of an example is present, and what its build command needs in the environment.
 */

import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** One policy, as modules of the JSON ABI. */
export const LANGUAGES = ["rust", "go", "c", "assemblyscript", "zig"] as const;

/** All folders: `rego` and `http-wasm-rust` have policies of their own, for other ABIs. */
export const EXAMPLES = [...LANGUAGES, "rego", "http-wasm-rust"] as const;

export type Language = (typeof LANGUAGES)[number];
export type Example = (typeof EXAMPLES)[number];

/** What its build leaves in the folder. */
export function moduleFile(example: Example): string {
  return example === "rego" ? "policy.tar.gz" : "policy.wasm";
}

export type Toolchain =
  | { readonly isPresent: true; readonly environment: Readonly<Record<string, string>> }
  /** `missing` says what is needed, and how to get it. */
  | { readonly isPresent: false; readonly missing: string };

const PRESENT: Toolchain = { isPresent: true, environment: {} };

export function findToolchain(example: Example): Toolchain {
  switch (example) {
    case "rust":
      return findRust({ minor: 63 });
    case "http-wasm-rust":
      return findRust({ minor: 86 });
    case "go":
      return presentIf(isGoNewEnough(), "needs go 1.24 or later");
    case "c":
      return presentIf(
        clangLinksWasm(),
        "needs clang with the wasm32 target and wasm-ld (apt install clang lld)",
      );
    case "assemblyscript":
      return presentIf(answer(["npm", "--version"]) !== null, "needs npm");
    case "rego":
      return presentIf(answer(["opa", "version"]) !== null, "needs opa, the command of Open Policy Agent");
    case "zig":
      return presentIf(
        answer(["python3", "-m", "ziglang", "version"])?.startsWith("0.17.") ?? false,
        "needs zig 0.17 (pip install ziglang==0.17.1)",
      );
  }
}

function presentIf(isPresent: boolean, missing: string): Toolchain {
  return isPresent ? PRESENT : { isPresent, missing };
}

/**
 * Several Rusts may be on the PATH, one by rustup and one by the distribution: the first that has the target's
 * libraries and is new enough is taken.
 */
function findRust(oldest: { readonly minor: number }): Toolchain {
  const path = process.env["PATH"] ?? "";
  const cargoHome = process.env["CARGO_HOME"] ?? join(homedir(), ".cargo");
  for (const folder of path.split(delimiter)) {
    if (folder === "" || !existsSync(join(folder, "cargo")) || !hasWasmTarget(join(folder, "rustc")))
      continue;
    if (cargoMinor(join(folder, "cargo")) < oldest.minor) continue;
    return {
      isPresent: true,
      environment: {
        PATH: `${folder}${delimiter}${path}`,
        // Panic messages name source files; without this they would carry the builder's home folder.
        RUSTFLAGS: `--remap-path-prefix=${cargoHome}=cargo`,
        ...sparseRegistryFor(join(folder, "cargo")),
      },
    };
  }
  return {
    isPresent: false,
    missing: `needs cargo 1.${oldest.minor} or later with the target (rustup target add wasm32-unknown-unknown)`,
  };
}

function hasWasmTarget(rustc: string): boolean {
  const libraries = answer([rustc, "--print", "target-libdir", "--target", "wasm32-unknown-unknown"]);
  return libraries !== null && existsSync(libraries) && readdirSync(libraries).length > 0;
}

/** Before 1.68 cargo reads the registry from a git repository, unless told to try what later became the default. */
function sparseRegistryFor(cargo: string): Readonly<Record<string, string>> {
  return cargoMinor(cargo) < 68 ? { CARGO_UNSTABLE_SPARSE_REGISTRY: "true", RUSTC_BOOTSTRAP: "1" } : {};
}

/** Of version 1.86.0 it is 86; NaN where cargo does not say. */
function cargoMinor(cargo: string): number {
  return Number(/^cargo 1\.(\d+)\./.exec(answer([cargo, "--version"]) ?? "")?.[1]);
}

function isGoNewEnough(): boolean {
  const [, major, minor] = /^go version go(\d+)\.(\d+)/.exec(answer(["go", "version"]) ?? "") ?? [];
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= 24);
}

function clangLinksWasm(): boolean {
  const linker = answer(["clang", "--print-prog-name=wasm-ld"]);
  return (
    linker !== null &&
    Bun.which(linker) !== null &&
    (answer(["clang", "--print-targets"])?.includes("wasm32") ?? false)
  );
}

/** What a command prints, trimmed; null when it is absent or fails. */
function answer(command: readonly string[]): string | null {
  const [program = ""] = command;
  if (Bun.which(program) === null) return null;
  const { exitCode, stdout } = Bun.spawnSync([...command], { stderr: "ignore" });
  return exitCode === 0 ? stdout.toString().trim() : null;
}
