/** Rust: the parser of Rollup, used by a whole bundling run. */
import { rollup } from "@rollup/wasm-node";

const files = new Map(
  Array.from({ length: 60 }, (_, index) => [
    `m${index}`,
    `${index < 59 ? `import { v${index + 1} } from "m${index + 1}";` : "const v60 = 1;"} export const v${index} = v${index + 1} + ${index}; export const unused${index} = () => { throw v${index}; };`,
  ]),
);
const bundle = await rollup({
  input: "m0",
  plugins: [{ name: "memory", resolveId: (id) => (files.has(id) ? id : null), load: (id) => files.get(id) }],
});
const { output } = await bundle.generate({ format: "es" });
export const result = `${output[0].code.length} ${Bun.hash(output[0].code)}`;
