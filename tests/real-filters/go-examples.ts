/**
 * The examples of a Go SDK for Proxy-Wasm, which nobody here wrote: their sources come from the module proxy when tests
 * run, are built there and then, and stay in a folder that git ignores. The SDK's last release with examples is that of
 * TinyGo's days; its maintained successor builds them with standard Go.
 */

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findToolchain } from "../../examples/find-toolchain.ts";

const EXAMPLES = { path: "github.com/tetratelabs/proxy-wasm-go-sdk", version: "v0.16.0" } as const;
const SDK = {
  path: "github.com/proxy-wasm/proxy-wasm-go-sdk",
  version: "v0.0.0-20260105142703-44c7d5847745",
} as const;

const FOLDER = join(import.meta.dir, ".built");

export const EXAMPLE_NAMES = [
  "dispatch_call_on_tick",
  "foreign_call_on_tick",
  "helloworld",
  "http_auth_random",
  "http_body",
  "http_headers",
  "http_routing",
  "metrics",
  "network",
  "postpone_requests",
  "shared_data",
  "shared_queue/receiver",
  "shared_queue/sender",
  "vm_plugin_configuration",
] as const;

export type ExampleName = (typeof EXAMPLE_NAMES)[number];

/** Why there are none, in one sentence; null when all are built. Takes minutes the first time, then nothing. */
export function buildExamples(): string | null {
  if (EXAMPLE_NAMES.every((name) => existsSync(builtPath(name)))) return null;
  const toolchain = findToolchain("go");
  if (!toolchain.isPresent) return toolchain.missing;
  const sources = prepareSources();
  if (sources === null) return "the Go module proxy does not give the SDK and its examples";
  for (const name of EXAMPLE_NAMES) {
    if (existsSync(builtPath(name))) continue;
    adoptExample(sources, name);
    const flags = ["-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", builtPath(name)];
    const built = go(["build", ...flags, `./${name}`], { GOOS: "wasip1", GOARCH: "wasm" });
    if (built === null) return `the example ${name} does not build`;
  }
  return null;
}

export function readExample(name: ExampleName): Promise<Uint8Array<ArrayBuffer>> {
  return Bun.file(builtPath(name)).bytes();
}

function builtPath(name: ExampleName): string {
  return join(FOLDER, `${name.replace("/", "-")}.wasm`);
}

/** A module of its own that needs the SDK. The folder of the examples' sources, or null. */
function prepareSources(): string | null {
  mkdirSync(FOLDER, { recursive: true });
  if (!existsSync(join(FOLDER, "go.mod")) && go(["mod", "init", "examples"]) === null) return null;
  const downloaded = go(["mod", "download", "-json", `${EXAMPLES.path}@${EXAMPLES.version}`]);
  if (downloaded === null || go(["get", `${SDK.path}@${SDK.version}`]) === null) return null;
  return join((JSON.parse(downloaded) as { readonly Dir: string }).Dir, "examples");
}

/** For standard Go, which calls no main of a library: what the example does in it is done when it is initialised. */
function adoptExample(sources: string, name: ExampleName): void {
  const target = join(FOLDER, name);
  mkdirSync(target, { recursive: true });
  cpSync(join(sources, name, "main.go"), join(target, "main.go"));
  const source = readFileSync(join(target, "main.go"), "utf8")
    .replaceAll(`${EXAMPLES.path}/`, `${SDK.path}/`)
    .replace("func main() {", "func main() {}\n\nfunc init() {");
  writeFileSync(join(target, "main.go"), source, { mode: 0o644 });
}

/** What the command prints; null when it fails. */
function go(
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): string | null {
  const { exitCode, stdout } = Bun.spawnSync(["go", ...parameters], {
    cwd: FOLDER,
    env: { ...process.env, GOWORK: "off", GOFLAGS: "-mod=mod -buildvcs=false", ...environment },
    stderr: "ignore",
  });
  return exitCode === 0 ? stdout.toString() : null;
}
