/**
 * The time that everything in a package carries, so that two builds of one commit are alike: SOURCE_DATE_EPOCH where it
 * is set (reproducible-builds.org/specs/source-date-epoch), else the time of the last commit.
 */

import { BuildError } from "./build-error.ts";
import { ROOT } from "./project.ts";
import { runTool } from "./run-tool.ts";

/** Seconds since 1970. */
export function releaseTimeS(): number {
  const set = process.env["SOURCE_DATE_EPOCH"] ?? "";
  const text =
    set !== ""
      ? set
      : runTool(["git", "log", "-1", "--format=%ct"], {
          cwd: ROOT,
          missing: "install it, or set SOURCE_DATE_EPOCH",
        }).toString();
  const seconds = Number(text.toString().trim());
  if (!Number.isSafeInteger(seconds) || seconds < 0) {
    throw new BuildError(`SOURCE_DATE_EPOCH must be whole seconds since 1970, but it is "${set}"`);
  }
  return seconds;
}
