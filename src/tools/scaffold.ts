/** Makes a module project out of a template, in a folder that holds nothing yet. */

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { InputError, systemReason } from "../event/input-error.ts";
import { TEMPLATES, type TemplateName } from "./templates.ts";

export interface ScaffoldedProject {
  /** Relative, with slashes. */
  readonly files: readonly string[];
  /** One line for a shell inside the folder; it leaves `policy.wasm` there. */
  readonly buildCommand: string;
}

/** @throws InputError `folder-not-empty`, `folder-unwritable` */
export function scaffold(folder: string, template: TemplateName): ScaffoldedProject {
  const files = TEMPLATES[template] ?? {};
  try {
    mkdirSync(folder, { recursive: true });
    if (readdirSync(folder).length > 0) {
      throw new InputError(
        "folder-not-empty",
        `the folder ${folder} is not empty; name one that does not exist yet, or an empty one`,
      );
    }
    for (const [path, text] of Object.entries(files)) {
      const target = join(folder, path);
      mkdirSync(dirname(target), { recursive: true });
      // Nothing that appeared in the meantime is overwritten.
      writeFileSync(target, text, { flag: "wx" });
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    const reason =
      (error as NodeJS.ErrnoException).code === "EEXIST" ? "a file has that name" : systemReason(error);
    throw new InputError("folder-unwritable", `cannot make the folder ${folder}: ${reason}`, {
      cause: error,
    });
  }
  return { files: Object.keys(files), buildCommand: documentedBuild(files["README.md"] ?? "") };
}

/** The first shell block under "## Build": what the README tells people is what is tested. */
function documentedBuild(readme: string): string {
  return /^## Build$.*?^```sh\n(.*?)\n```$/ms.exec(readme)?.[1] ?? "";
}
