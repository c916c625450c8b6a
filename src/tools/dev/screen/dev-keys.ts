/** The keys of a session's terminal. */

import { CTRL_C, CTRL_D, readKeys } from "../../terminal-keys.ts";

export type DevKey = "open" | "rebuild" | "clear" | "quit";

const KEYS: ReadonlyMap<string, DevKey> = new Map([
  ["o", "open"],
  ["r", "rebuild"],
  ["c", "clear"],
  ["\x0c", "clear"],
  ["q", "quit"],
  [CTRL_C, "quit"],
  [CTRL_D, "quit"],
]);

/** Returns what gives the terminal back. */
export function readDevKeys(stdin: NodeJS.ReadStream, onKey: (key: DevKey) => void): () => void {
  return readKeys(stdin, (character) => {
    const key = KEYS.get(character);
    if (key !== undefined) onKey(key);
  });
}
