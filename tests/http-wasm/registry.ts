/**
 * Modules that others made, from the Go module proxy and crates.io: into folders that git ignores, when tests run. Where a
 * tool or registry is missing, those tests skip and say so.
 */

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

const HOST = "github.com/http-wasm/http-wasm-host-go";
const HOST_VERSION = "v0.7.0";
const TINYGO = "github.com/http-wasm/http-wasm-guest-tinygo";
const TINYGO_VERSION = "v0.4.0";
const RUST_GUEST = "http-wasm-guest";
const RUST_GUEST_VERSION = "1.2.0";
const SCRATCH = join(import.meta.dir, "../../dist/http-wasm");
const TIMEOUT_MS = 300_000;

/** Folders of prebuilt modules. */
export interface GoModules {
  readonly host: string;
  readonly tinygo: string;
}

/** A sentence instead, where they cannot be had. */
export async function findGoModules(): Promise<GoModules | string> {
  if (Bun.which("go") === null) return "there is no Go here, from whose module proxy the modules come";
  const folder = await goFolder("modules");
  const host = await download(folder, `${HOST}@${HOST_VERSION}`);
  const tinygo = await download(folder, `${TINYGO}@${TINYGO_VERSION}`);
  if (host === null || tinygo === null) return "the Go module proxy does not give the modules";
  return { host, tinygo };
}

/** The conformance kit of the Go host as a test binary that runs it; a sentence where it cannot be built. */
export async function buildKit(): Promise<string | string[]> {
  if (Bun.which("go") === null) return "there is no Go here, in which the conformance kit is written";
  const folder = await goFolder("kit");
  const source = join(import.meta.dir, "kit/kit_test.go");
  await Bun.write(join(folder, "kit_test.go"), Bun.file(source));
  const binary = join(folder, "kit.test");
  const built =
    (await run(["go", "get", `${HOST}@${HOST_VERSION}`], folder)) !== null &&
    (await run(["go", "test", "-c", "-o", binary, "."], folder)) !== null;
  return built ? [binary] : "the conformance kit cannot be had from the Go module proxy";
}

/** The examples of the crate `http-wasm-guest`, by name; a sentence where they cannot be built. */
export async function buildRustExamples(): Promise<Readonly<Record<"header" | "info", string>> | string> {
  if (Bun.which("cargo") === null)
    return "there is no cargo here, which builds the examples of http-wasm-guest";
  const folder = join(SCRATCH, "rust");
  const target = join(folder, "target/wasm32-unknown-unknown/release/examples");
  const examples = { header: join(target, "header.wasm"), info: join(target, "info.wasm") };
  if (existsSync(examples.header) && existsSync(examples.info)) return examples;
  mkdirSync(folder, { recursive: true });
  await Bun.write(join(folder, "Cargo.toml"), CARGO_TOML);
  await Bun.write(join(folder, "empty.rs"), "");
  if ((await run(["cargo", "fetch"], folder)) === null) return "crates.io does not give http-wasm-guest";
  const home = process.env["CARGO_HOME"] ?? join(process.env["HOME"] ?? "", ".cargo");
  const sources = [
    ...new Bun.Glob(`registry/src/*/${RUST_GUEST}-${RUST_GUEST_VERSION}`).scanSync({
      cwd: home,
      onlyFiles: false,
    }),
  ];
  for (const name of ["header", "info"]) {
    const example = await Bun.file(join(home, sources[0] ?? "", "examples", `${name}.rs`)).text();
    await Bun.write(join(folder, name, "guest.rs"), `${example}\npub fn run() { main() }\n`);
    await Bun.write(join(folder, name, "lib.rs"), RUST_LIBRARY);
  }
  const command = ["cargo", "build", "--release", "--target", "wasm32-unknown-unknown", "--examples"];
  return (await run(command, folder)) === null
    ? "the examples of http-wasm-guest do not build here"
    : examples;
}

const RUST_LIBRARY = 'mod guest;\n#[unsafe(no_mangle)]\npub extern "C" fn _initialize() { guest::run() }\n';
const CARGO_TOML = `[package]
name = "examples"
version = "0.0.0"
edition = "2024"
[dependencies]
${RUST_GUEST} = "=${RUST_GUEST_VERSION}"
log = "0.4"
[lib]
path = "empty.rs"
[[example]]
name = "header"
path = "header/lib.rs"
crate-type = ["cdylib"]
[[example]]
name = "info"
path = "info/lib.rs"
crate-type = ["cdylib"]
[profile.release]
opt-level = "s"
panic = "abort"
[workspace]
`;

async function goFolder(name: string): Promise<string> {
  const folder = join(SCRATCH, name);
  mkdirSync(folder, { recursive: true });
  if (!existsSync(join(folder, "go.mod"))) await run(["go", "mod", "init", name], folder);
  return folder;
}

/** The folder that Go keeps it in. */
async function download(folder: string, module: string): Promise<string | null> {
  const text = await run(["go", "mod", "download", "-json", module], folder);
  return text === null ? null : (JSON.parse(text) as { readonly Dir: string }).Dir;
}

/** What it writes; null when it fails. */
async function run(command: readonly string[], cwd: string): Promise<string | null> {
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...process.env, GOWORK: "off", GOFLAGS: "-mod=mod -buildvcs=false" },
    stdout: "pipe",
    stderr: "ignore",
    timeout: TIMEOUT_MS,
  });
  const text = await new Response(child.stdout).text();
  return (await child.exited) === 0 ? text : null;
}
