/**
 * OPA's own command and module, which some tests compare with. They come from the Go module proxy, once, into a folder
 * that git ignores; where Go or the proxy is missing, those tests skip and say so.
 */

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

const VERSION = "v1.22.3";
const MODULE = "github.com/open-policy-agent/opa";
const ROOT = join(import.meta.dir, "../..");
/** Compiling it takes minutes. */
const INSTALL_TIMEOUT_MS = 600_000;

export interface OpaTool {
  readonly command: string;
  /** Of the Go module's sources: documentation and conformance cases. */
  readonly moduleFolder: string;
  /** For what is made of them. */
  readonly scratch: string;
}

/** A sentence instead, where it cannot be had. */
export async function findOpa(): Promise<OpaTool | string> {
  const go = Bun.which("go");
  if (go === null) return "there is no Go here, from whose module proxy OPA comes";
  const scratch = join(ROOT, "dist/opa", VERSION);
  const command = join(scratch, "opa");
  mkdirSync(scratch, { recursive: true });
  if (!existsSync(command)) {
    const installed = await run([go, "install", `${MODULE}@${VERSION}`], { GOBIN: scratch });
    if (installed === null) return "OPA cannot be had from the Go module proxy";
  }
  const cache = (await run([go, "env", "GOMODCACHE"], {}))?.trim();
  const moduleFolder = join(cache ?? "", `${MODULE}@${VERSION}`);
  return existsSync(moduleFolder) ? { command, moduleFolder, scratch } : "OPA's module is not in Go's cache";
}

async function run(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string | null> {
  const child = Bun.spawn([...command], {
    env: { ...process.env, GOFLAGS: "-buildvcs=false -mod=mod", ...env },
    stdout: "pipe",
    stderr: "ignore",
    timeout: INSTALL_TIMEOUT_MS,
  });
  const text = await new Response(child.stdout).text();
  return (await child.exited) === 0 ? text : null;
}

/** False when OPA refuses to compile it. */
export async function buildBundle(
  { command }: OpaTool,
  files: readonly string[],
  entrypoints: readonly string[],
  bundle: string,
): Promise<boolean> {
  const wanted = entrypoints.flatMap((entrypoint) => ["-e", entrypoint]);
  return (await run([command, "build", "-t", "wasm", ...wanted, "-o", bundle, ...files], {})) !== null;
}
