/** The built example modules: the same policy in five languages. */

import { join } from "node:path";

export type ExampleLanguage = "rust" | "go" | "c" | "assemblyscript" | "zig";

export function examplePolicy(language: ExampleLanguage): string {
  return join(import.meta.dir, "../../examples", language, "policy.wasm");
}
