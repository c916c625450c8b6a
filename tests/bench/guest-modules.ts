/**
 * The guest modules of the benchmark. The example is the one users start from; the others are text in guests/, turned
 * into binaries under dist/.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import loadWabt from "wabt";

const ROOT = join(import.meta.dir, "../..");
const EXAMPLE = join(ROOT, "examples/rust/policy.wasm");
const BUILT = join(ROOT, "dist/bench/guests");

export interface GuestModules {
  /** The example Rust module; null when it has not been built. */
  readonly example: string | null;
  /** Returns the same allow every time. */
  readonly constant: string;
  /** About one millisecond of computing an event. */
  readonly compute: string;
  /** Loops for ever where the uri contains "~spin", takes about twenty milliseconds where it contains "~slow". */
  readonly hostile: string;
}

export async function buildGuestModules(): Promise<GuestModules> {
  const wabt = await loadWabt();
  mkdirSync(BUILT, { recursive: true });
  const build = (name: string): string => {
    const module = wabt.parseWat(
      `${name}.wat`,
      readFileSync(join(import.meta.dir, "guests", `${name}.wat`), "utf8"),
    );
    const path = join(BUILT, `${name}.wasm`);
    writeFileSync(path, module.toBinary({}).buffer);
    module.destroy();
    return path;
  };
  return {
    example: existsSync(EXAMPLE) ? EXAMPLE : null,
    constant: build("constant"),
    compute: build("compute"),
    hostile: build("hostile"),
  };
}
