/**
 * A project whose build takes no toolchain and no time: the source names a module that was built before, the build
 * copies it, and complains like a compiler when there is none of that name.
 */

import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { assembleWat } from "../guests/assemble-guest.ts";
import { guestPath } from "../guests/guest-path.ts";
import { guestWat } from "../guests/guest-wat.ts";
import { examplePolicy } from "../support/example-modules.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary-folder.ts";
import type { DevProcessOptions } from "./dev-process.ts";

const MODULES = {
  policy: examplePolicy("rust"),
  "same-policy": examplePolicy("c"),
  "block-all": guestPath("block"),
  "redirect-all": guestPath("redirect"),
  "trap-always": guestPath("trap"),
  "no-handler": guestPath("missing-handlers"),
  "replace-bodies": guestPath("replace-bytes"),
} as const;

/** Allows, and says something on standard output and on standard error. */
const TALKATIVE = `
(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
(data (i32.const 64) "looked at the event\\n")
(data (i32.const 128) "\\40\\00\\00\\00\\14\\00\\00\\00")
(data (i32.const 192) "no rule matched\\n")
(data (i32.const 256) "\\c0\\00\\00\\00\\10\\00\\00\\00")
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (drop (call $fd_write (i32.const 1) (i32.const 128) (i32.const 1) (i32.const 512)))
  (drop (call $fd_write (i32.const 2) (i32.const 256) (i32.const 1) (i32.const 512)))
  (call $allow))`;

export type ModuleName = keyof typeof MODULES | "talkative";

/** A compiler's complaint, in colours as some write it in spite of NO_COLOR. */
const BUILD = `name=$(cat policy.txt)
if ! test -f "modules/$name.wasm"; then
  echo "error[E0425]: cannot find policy \\\`$name\\\` in this project" >&2
  echo " --> policy.txt:1:1" >&2
  echo "  |" >&2
  echo "1 | $name" >&2
  printf '  | \\033[31m^^^^\\033[0m not found in modules/\\n' >&2
  exit 1
fi
cp "modules/$name.wasm" policy.wasm
`;

export class SampleProject implements Disposable {
  readonly path: string;
  readonly #folder: TemporaryFolder;

  private constructor(folder: TemporaryFolder) {
    this.#folder = folder;
    this.path = folder.file("my-policy");
  }

  static async make(name: ModuleName = "policy"): Promise<SampleProject> {
    const project = new SampleProject(temporaryFolder());
    const { path } = project;
    mkdirSync(`${path}/modules`, { recursive: true });
    for (const [module, file] of Object.entries(MODULES))
      copyFileSync(file, `${path}/modules/${module}.wasm`);
    writeFileSync(`${path}/modules/talkative.wasm`, await assembleWat("talkative", guestWat(TALKATIVE)));
    writeFileSync(`${path}/build.sh`, BUILD);
    project.write(name);
    return project;
  }

  /** How `dev` is told to build it, and where it is best started from. */
  get options(): DevProcessOptions {
    return { path: "my-policy", cwd: this.#folder.path, flags: ["--build", "sh build.sh"] };
  }

  /** Changes the source; a name that is none breaks the build. */
  write(name: ModuleName | "nonsense"): void {
    writeFileSync(`${this.path}/policy.txt`, `${name}\n`);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
