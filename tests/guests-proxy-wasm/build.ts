/**
 * Rebuilds the Proxy-Wasm guests: `bun tests/guests-proxy-wasm/build.ts`. It needs clang with wasm-ld, and cargo with the
 * target wasm32-unknown-unknown; the Rust guests use the official SDK from crates.io.
 */

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findToolchain, type Language } from "../../examples/find-toolchain.ts";

const FOLDER = import.meta.dir;

/** The name of each version of the ABI, and what the source knows it by. */
const SCRIPTED = { "0.1.0": 100, "0.2.0": 200, "0.2.1": 201, "0.2.100": 2100 } as const;
const RUST = ["add-header", "authorize", "mask-body"] as const;

const CLANG = [
  "clang",
  "--target=wasm32",
  "-std=c11",
  "-O2",
  "-Wall",
  "-Wextra",
  "-fno-builtin",
  "-nostdlib",
  "-Wl,--no-entry,--allow-undefined,-z,stack-size=65536",
];

function run(language: Language, command: readonly string[], cwd = FOLDER): void {
  const toolchain = findToolchain(language);
  if (!toolchain.isPresent) throw new Error(toolchain.missing);
  const { exitCode } = Bun.spawnSync([...command], {
    cwd,
    env: { ...process.env, ...toolchain.environment },
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (exitCode !== 0) throw new Error(`${command[0]} failed`);
}

for (const [name, version] of Object.entries(SCRIPTED)) {
  run("c", [...CLANG, `-DVERSION=${version}`, "-o", `scripted-${name}.wasm`, "scripted.c"]);
}
run("c", [...CLANG, "-o", "add-header-c.wasm", "add-header.c"]);

const target = mkdtempSync(join(tmpdir(), "proxy-wasm-guests-"));
run(
  "rust",
  [
    "cargo",
    "build",
    "--release",
    "--examples",
    "--locked",
    "--target",
    "wasm32-unknown-unknown",
    "--target-dir",
    target,
  ],
  join(FOLDER, "rust"),
);
for (const name of RUST) {
  const built = join(target, "wasm32-unknown-unknown/release/examples", `${name.replaceAll("-", "_")}.wasm`);
  await Bun.write(join(FOLDER, `${name}-rust.wasm`), Bun.file(built));
}
