/** SHA256SUMS, as sha256sum(1) and shasum(1) check it. */

import { readdirSync } from "node:fs";
import { join } from "node:path";

export const CHECKSUMS_FILE = "SHA256SUMS";

/** Of the content of a file, in hexadecimal. */
export async function sha256Of(path: string): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  for await (const chunk of Bun.file(path).stream()) hash.update(chunk);
  return hash.digest("hex");
}

/** Lists every file in `dir` in `dir`/SHA256SUMS. */
export async function writeChecksums(dir: string): Promise<void> {
  const names = readdirSync(dir)
    .filter((name) => name !== CHECKSUMS_FILE)
    .sort();
  const lines: string[] = [];
  for (const name of names) lines.push(`${await sha256Of(join(dir, name))}  ${name}\n`);
  await Bun.write(join(dir, CHECKSUMS_FILE), lines.join(""));
}
