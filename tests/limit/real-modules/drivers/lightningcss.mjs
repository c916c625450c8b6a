/** Rust behind a Node-API shim: minifies a style sheet. */
import { readFile } from "node:fs/promises";
import init, { transform } from "lightningcss-wasm";

await init(await readFile(new URL(import.meta.resolve("lightningcss-wasm/lightningcss_node.wasm"))));
const source = Array.from(
  { length: 500 },
  (_, index) =>
    `.a${index} { color: oklch(60% 0.${index} ${index % 360}); &:hover { margin: calc(1px * ${index} + 2px) } }`,
).join("\n");
const { code } = transform({
  filename: "a.css",
  code: new TextEncoder().encode(source),
  minify: true,
  targets: { chrome: 80 << 16 },
});
export const result = `${code.length} ${Bun.hash(code)}`;
