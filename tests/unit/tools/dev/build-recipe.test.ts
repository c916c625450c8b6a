/** How a folder is built, as far as it says so itself. */

import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findBuildRecipe, givenRecipe } from "../../../../src/tools/dev/build-recipe.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const EXAMPLES = join(import.meta.dir, "../../../../examples");

function recipeOf(files: Readonly<Record<string, string>>) {
  using folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(folder.file(name)), { recursive: true });
    writeFileSync(folder.file(name), text);
  }
  return findBuildRecipe(folder.path);
}

describe("the examples say how they are built", () => {
  test.each([
    ["assemblyscript", "package.json", "policy.wasm"],
    ["rust", "Cargo.toml", "target/wasm32-unknown-unknown/release/policy.wasm"],
    ["go", "go.mod", "policy.wasm"],
    ["c", "README.md", "policy.wasm"],
    ["zig", "README.md", "policy.wasm"],
  ])("%s by its %s", (language, origin, modulePath) => {
    expect(findBuildRecipe(join(EXAMPLES, language))).toMatchObject({ origin, modulePath });
  });
});

describe("package.json", () => {
  test("is built by its build script, after its packages were installed once", () => {
    const text = JSON.stringify({
      scripts: { build: "asc a.ts --outFile out/a.wasm -O" },
      devDependencies: { assemblyscript: "1" },
    });
    expect(recipeOf({ "package.json": text })).toEqual({
      command: "npm run --silent build",
      setup: { command: "npm install --no-audit --no-fund", unlessExists: "node_modules" },
      origin: "package.json",
      modulePath: "out/a.wasm",
    });
  });

  test("without a build script says nothing", () => {
    expect(recipeOf({ "package.json": '{"scripts":{}}' })).toBeNull();
    expect(recipeOf({ "package.json": "{ not json" })).toBeNull();
  });
});

describe("Cargo.toml", () => {
  const MANIFEST = '[package]\nname = "my-policy"\n';

  test("is built for the browser's target where the project names none", () => {
    expect(recipeOf({ "Cargo.toml": MANIFEST })).toMatchObject({
      command: "cargo build --release --target wasm32-unknown-unknown",
      modulePath: "target/wasm32-unknown-unknown/release/my_policy.wasm",
    });
  });

  test("is built for the target of the project's own configuration", () => {
    const files = { "Cargo.toml": MANIFEST, ".cargo/config.toml": '[build]\ntarget = "wasm32-wasip1"\n' };
    expect(recipeOf(files)).toMatchObject({
      command: "cargo build --release",
      modulePath: "target/wasm32-wasip1/release/my_policy.wasm",
    });
  });

  test("may name its library otherwise than the package", () => {
    expect(recipeOf({ "Cargo.toml": `${MANIFEST}[lib]\nname = "gate"\n` })).toMatchObject({
      modulePath: "target/wasm32-unknown-unknown/release/gate.wasm",
    });
  });
});

test.each([
  ["go.mod", "GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o policy.wasm ."],
  ["build.zig", "zig build -Doptimize=ReleaseSafe"],
  ["Makefile", "make"],
])("%s is enough", (origin, command) => {
  expect(recipeOf({ [origin]: "" })).toMatchObject({ origin, command, setup: null });
});

describe("the README", () => {
  const readme = (block: string) => `# x\n\n## Build\n\nwords\n\n\`\`\`sh\n${block}\n\`\`\`\n`;

  test("counts when nothing else says it, by the only command under Build", () => {
    expect(recipeOf({ "README.md": readme("cc -o gate.wasm gate.c") })).toMatchObject({
      command: "cc -o gate.wasm gate.c",
      origin: "README.md",
      modulePath: "gate.wasm",
    });
  });

  test("with several commands is for people to read", () => {
    expect(recipeOf({ "README.md": readme("git clone x\nmake") })).toBeNull();
  });

  test("never beats a build file", () => {
    expect(recipeOf({ "README.md": readme("cc -o a.wasm a.c"), Makefile: "" })?.command).toBe("make");
  });
});

test.each([
  ["zig build-exe policy.zig -femit-bin=z.wasm", "z.wasm"],
  ["asc a.ts --outFile build/a.wasm", "build/a.wasm"],
  ["tinygo build --output t.wasm .", "t.wasm"],
  ["cargo build --release && cp target/wasm32-unknown-unknown/release/r.wasm .", "r.wasm"],
  ["make release", "policy.wasm"],
])("of `%s` the module is %s", (command, modulePath) => {
  expect(givenRecipe(command, "--build")).toEqual({ command, modulePath, setup: null, origin: "--build" });
});
