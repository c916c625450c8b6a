/** What the fuzzer found is kept as a file, and replayed by the tests from then on. */

import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Chunks } from "./stream-case.ts";

export type Find =
  /** Reads of one connection, in base64. */
  | { readonly kind: "stream"; readonly what: string; readonly chunks: readonly string[] }
  /** What a guest returned. */
  | { readonly kind: "result"; readonly what: string; readonly result: string };

const FOLDER = join(import.meta.dir, "../../regressions/wire");

export async function keepFind(find: Find): Promise<string> {
  await mkdir(FOLDER, { recursive: true });
  const name = `${find.kind}-${Bun.hash.crc32(JSON.stringify(find)).toString(16)}.json`;
  await Bun.write(join(FOLDER, name), `${JSON.stringify(find, null, 2)}\n`);
  return name;
}

export async function readFinds(): Promise<readonly (Find & { readonly file: string })[]> {
  const files = (await readdir(FOLDER)).filter((file) => file.endsWith(".json")).sort();
  return Promise.all(
    files.map(async (file) => ({ file, ...((await Bun.file(join(FOLDER, file)).json()) as Find) })),
  );
}

export function chunksOf(find: Find & { kind: "stream" }): Chunks {
  return find.chunks.map((chunk) => Buffer.from(chunk, "base64"));
}

export function streamFind(what: string, chunks: Chunks): Find {
  return { kind: "stream", what, chunks: chunks.map((chunk) => Buffer.from(chunk).toString("base64")) };
}
