/**
 * The time that everything in a package carries, so that two builds of one commit are alike: SOURCE_DATE_EPOCH where it
 * is set (reproducible-builds.org/specs/source-date-epoch), else the time of the last commit.
 */

import { BuildError } from "./build-error.ts";
import { ROOT } from "./project.ts";
import { runTool } from "./run-tool.ts";

/** Seconds since 1970. Throws BuildError when neither is there. */
export function releaseTimeS(): number {
  const text = process.env["SOURCE_DATE_EPOCH"] || timeOfLastCommit();
  const seconds = Number(text);
  if (!Number.isSafeInteger(seconds) || seconds < 0) {
    throw new BuildError(`SOURCE_DATE_EPOCH must be whole seconds since 1970, but it is "${text}"`);
  }
  return seconds;
}

function timeOfLastCommit(): string {
  try {
    return runTool(["git", "log", "-1", "--format=%ct"], { cwd: ROOT }).toString().trim();
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    throw new BuildError(
      `Packages carry the time of the last commit, which is not known: ${error.message.trim()}\n` +
        "Build from a git checkout, or set SOURCE_DATE_EPOCH to seconds since 1970",
    );
  }
}
