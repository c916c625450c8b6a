/** A build that cannot go on. The message tells what to do; nobody needs a stack trace of the build. */
export class BuildError extends Error {
  override readonly name = "BuildError";
}
