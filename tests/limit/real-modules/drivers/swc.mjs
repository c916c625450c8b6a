/** Rust: compiles TypeScript and JSX to old JavaScript. */
import swc from "@swc/wasm";

const source = Array.from(
  { length: 200 },
  (_, index) =>
    `export async function* f${index}<T>(a: T[] = []) { for await (const x of a) yield <p key={${index}}>{x?.y ?? 0}</p>; }`,
).join("\n");
const { code } = swc.transformSync(source, {
  jsc: { parser: { syntax: "typescript", tsx: true }, target: "es5" },
  minify: true,
});
export const result = `${code.length} ${Bun.hash(code)}`;
