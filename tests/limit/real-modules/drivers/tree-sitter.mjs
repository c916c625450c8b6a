/** The tree-sitter runtime, and grammars as side modules that share its memory and table. */
import { Language, Parser } from "web-tree-sitter";

await Parser.init();
const sources = {
  javascript:
    "export const f = (a, ...b) => { for (const x of b) { if (x > a) return String(x); } };\n".repeat(50),
  python: "def f(a, *b):\n    for x in b:\n        if x > a:\n            return f'{x}'\n".repeat(50),
  rust: "fn f<T: Ord>(a: T, b: &[T]) -> Option<&T> { b.iter().find(|x| **x > a) }\n".repeat(50),
  cpp: "template <class T> auto f(T a, std::vector<T> b) -> T { for (auto& x : b) if (x > a) return x; return a; }\n".repeat(
    50,
  ),
  ruby: "def f(a, *b)\n  b.find { |x| x > a }&.to_s\nend\n".repeat(50),
};
const trees = [];
for (const [language, source] of Object.entries(sources)) {
  const parser = new Parser();
  parser.setLanguage(
    await Language.load(
      new URL(import.meta.resolve(`tree-sitter-wasms/out/tree-sitter-${language}.wasm`)).pathname,
    ),
  );
  const tree = parser.parse(source);
  trees.push(`${language} ${tree.rootNode.descendantCount} ${Bun.hash(tree.rootNode.toString())}`);
}
export const result = trees.join("; ");
