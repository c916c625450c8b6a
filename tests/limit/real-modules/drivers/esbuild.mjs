/** Go's runtime and garbage collector: minifies TypeScript. */
import { readFile } from "node:fs/promises";
import esbuild from "esbuild-wasm/lib/browser.js";

const bytes = await readFile(new URL(import.meta.resolve("esbuild-wasm/esbuild.wasm")));
await esbuild.initialize({ wasmModule: await WebAssembly.compile(bytes), worker: false });

const source = Array.from(
  { length: 400 },
  (_, index) =>
    `export class Shape${index}<T> { constructor(private readonly sides: T[] = []) {} get area(): number { return this.sides.length ** ${index}; } }`,
).join("\n");
const { code } = await esbuild.transform(source, { loader: "ts", minify: true, target: "es2019" });
export const result = `${code.length} ${Bun.hash(code)}`;
