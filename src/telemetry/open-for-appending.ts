/** Opens a file that lines are added to. */

import { constants, openSync } from "node:fs";

/** What is written holds requests and their secrets: nobody but the owner reads it. */
const FILE_MODE = 0o600;
/** A named pipe without a reader is refused at once (ENXIO); opening it otherwise waits for one, and everybody with it. */
const FLAGS =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Made for its owner alone where there is none. @throws the system's error */
export function openForAppending(path: string): number {
  return openSync(path, FLAGS, FILE_MODE);
}
