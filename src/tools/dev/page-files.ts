/**
 * The playground's page as files in memory. The HTML import tells them apart: in the built executable they are embedded,
 * from the sources they are bundled here, once.
 */

import { basename } from "node:path";
import page from "./page/index.html";

export interface PageFile {
  readonly contentType: string;
  readonly body: Blob;
}

/** By path of their URL; the page itself is `/`. */
export async function loadPageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const files = new Map<string, PageFile>();
  if (page.files === undefined) {
    const { outputs } = await Bun.build({ entrypoints: [page.index], minify: true });
    for (const output of outputs) add(files, output.path, output);
  } else {
    for (const { path } of page.files) add(files, path, Bun.file(path));
  }
  return files;
}

const CONTENT_TYPES: ReadonlyMap<string, string> = new Map([
  ["html", "text/html; charset=utf-8"],
  ["js", "text/javascript; charset=utf-8"],
  ["css", "text/css; charset=utf-8"],
  ["svg", "image/svg+xml"],
]);

function add(files: Map<string, PageFile>, path: string, body: Blob): void {
  const name = basename(path);
  const extension = name.slice(name.lastIndexOf(".") + 1);
  const contentType = CONTENT_TYPES.get(extension);
  if (contentType === undefined) return;
  files.set(extension === "html" ? "/" : `/${name}`, { contentType, body });
}
