/** Single keys of a terminal. One that hands over keys one by one sends no signal for Ctrl-C either. */

export const CTRL_C = "\x03";
export const CTRL_D = "\x04";

/** Returns what gives the terminal back. Nothing is read where standard input is no terminal. */
export function readKeys(stdin: NodeJS.ReadStream, onKey: (character: string) => void): () => void {
  if (!stdin.isTTY) return () => {};
  const onData = (data: Buffer) => {
    for (const character of data.toString("latin1")) onKey(character);
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
