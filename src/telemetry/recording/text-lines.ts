/** The lines of a text file one by one, so that a long recording never stands in memory as a whole. */

/** Of standard input when the path is `-`; without their ends. @throws the system's error when the file cannot be read. */
export async function* textLines(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  /** Pieces of a line whose end has not come yet. */
  let begun: string[] = [];
  for await (const chunk of (path === "-" ? Bun.stdin : Bun.file(path)).stream()) {
    const [first = "", ...others] = decoder.decode(chunk, { stream: true }).split("\n");
    begun.push(first);
    for (const other of others) {
      yield begun.join("");
      begun = [other];
    }
  }
  const last = begun.join("") + decoder.decode();
  if (last !== "") yield last;
}
