/** Single keys of a session's terminal. A terminal that hands over keys one by one sends no signal for Ctrl-C either. */

export type DevKey = "open" | "rebuild" | "clear" | "quit";

const KEYS: ReadonlyMap<string, DevKey> = new Map([
  ["o", "open"],
  ["r", "rebuild"],
  ["c", "clear"],
  ["\x0c", "clear"],
  ["q", "quit"],
  ["\x03", "quit"],
  ["\x04", "quit"],
]);

/** Returns what gives the terminal back. */
export function readDevKeys(stdin: NodeJS.ReadStream, onKey: (key: DevKey) => void): () => void {
  if (!stdin.isTTY) return () => {};
  const onData = (data: Buffer) => {
    for (const character of data.toString("latin1")) {
      const key = KEYS.get(character);
      if (key !== undefined) onKey(key);
    }
  };
  stdin.setRawMode(true);
  stdin.on("data", onData);
  stdin.resume();
  let isReleased = false;
  return () => {
    if (isReleased) return;
    isReleased = true;
    stdin.off("data", onData);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
