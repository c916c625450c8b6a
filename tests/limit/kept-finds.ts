/** Keeps modules that show a fault of the rewrite; `regressions.test.ts` runs them from then on. */

import { mkdir } from "node:fs/promises";
import type { ComparedModule } from "./differential.ts";

export const findsFolder = new URL("../regressions/limit/", import.meta.url).pathname;

/** Without a description only the validity of the rewrite is looked at. */
export type FindDescription = Omit<ComparedModule, "bytes">;

export async function keepFind(
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
  description?: FindDescription,
): Promise<void> {
  await mkdir(findsFolder, { recursive: true });
  await Bun.write(`${findsFolder}${name}.wasm`, bytes);
  if (description !== undefined) {
    const { functions, waits } = description;
    await Bun.write(`${findsFolder}${name}.json`, JSON.stringify({ functions, waits }));
  }
}
