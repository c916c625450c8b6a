/** Rust: renders SVG to PNG. */
import { readFile } from "node:fs/promises";
import { initWasm, Resvg } from "@resvg/resvg-wasm";

await initWasm(await readFile(new URL(import.meta.resolve("@resvg/resvg-wasm/index_bg.wasm"))));
const circles = Array.from(
  { length: 200 },
  (_, index) =>
    `<circle cx="${(index * 37) % 400}" cy="${(index * 59) % 300}" r="${index % 40}" fill="hsl(${index},70%,50%)" opacity=".6"/>`,
).join("");
const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300"><filter id="b"><feGaussianBlur stdDeviation="3"/></filter><g filter="url(#b)">${circles}</g></svg>`;
const png = new Resvg(svg).render().asPng();
export const result = `${png.length} ${Bun.hash(png)}`;
