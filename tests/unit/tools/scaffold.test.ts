import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../../src/event/input-error.ts";
import { scaffold } from "../../../src/tools/scaffold.ts";
import { TEMPLATE_NAMES, TEMPLATES } from "../../../src/tools/templates.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const EXAMPLES = join(import.meta.dir, "../../../examples");

function refusalOf(folder: string): string {
  try {
    scaffold(folder, "c");
  } catch (error) {
    if (error instanceof InputError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error("the folder was taken");
}

describe("the templates", () => {
  test("are the folders of examples, and each has a name to ask for it by", () => {
    expect(Object.keys(TEMPLATES).sort()).toEqual([...TEMPLATE_NAMES].sort());
  });

  test("hold what is needed and nothing that a build leaves behind", () => {
    const files = Object.fromEntries(
      Object.entries(TEMPLATES).map(([name, all]) => [name, Object.keys(all)]),
    );
    expect(files).toEqual({
      assemblyscript: [
        ".gitignore",
        "README.md",
        "assembly/json.ts",
        "assembly/policy.ts",
        "assembly/sentinel.ts",
        "package.json",
      ],
      c: ["README.md", "guest.c", "guest.h", "json.c", "json.h", "policy.c"],
      go: ["README.md", "event.go", "go.mod", "guest.go", "json.go", "policy.go", "verdict.go"],
      "http-wasm-rust": [
        ".cargo/config.toml",
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "README.md",
        "src/lib.rs",
      ],
      rego: ["README.md", "data.json", "policy.rego"],
      rust: [
        ".cargo/config.toml",
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "README.md",
        "src/guest.rs",
        "src/lib.rs",
        "src/words.rs",
      ],
      zig: [".gitignore", "README.md", "guest.zig", "policy.zig"],
    });
  });

  for (const [name, files] of Object.entries(TEMPLATES)) {
    test(`are the very files of the ${name} example`, () => {
      for (const [path, text] of Object.entries(files)) {
        expect(text).toBe(readFileSync(join(EXAMPLES, name, path), "utf8"));
      }
    });
  }
});

describe("a new project", () => {
  for (const name of TEMPLATE_NAMES) {
    test(`in ${name} has the template's files and one command that builds it`, () => {
      using folder = temporaryFolder();
      const target = folder.file("deep/er");
      const { files, buildCommand } = scaffold(target, name);
      const written = readdirSync(target, { recursive: true, withFileTypes: true }).filter((entry) =>
        entry.isFile(),
      );
      expect(written).toHaveLength(files.length);
      for (const path of files)
        expect(readFileSync(join(target, path), "utf8")).toBe(TEMPLATES[name]?.[path] ?? "?");
      expect(buildCommand).toContain(
        {
          rust: "cargo",
          go: "go build",
          c: "clang",
          assemblyscript: "npm",
          zig: "zig",
          rego: "opa build",
          "http-wasm-rust": "cargo",
        }[name],
      );
      expect(buildCommand).not.toContain("\n");
    });
  }

  test("may go into an empty folder", () => {
    using folder = temporaryFolder();
    expect(scaffold(folder.path, "c").files).toContain("policy.c");
  });

  test("does not go into a folder with anything in it, and leaves that as it is", () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file(".keep"), "mine");
    expect(refusalOf(folder.path)).toBe(
      `folder-not-empty: the folder ${folder.path} is not empty; name one that does not exist yet, or an empty one`,
    );
    expect(readdirSync(folder.path)).toEqual([".keep"]);
  });

  test("does not take the place of a file", () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("taken"), "mine");
    expect(refusalOf(folder.file("taken"))).toBe(
      `folder-unwritable: cannot make the folder ${folder.file("taken")}: a file has that name`,
    );
  });

  test.skipIf(process.getuid?.() === 0)(
    "is refused where nothing may be written (root may write anywhere)",
    () => {
      using folder = temporaryFolder();
      mkdirSync(folder.file("closed"));
      chmodSync(folder.file("closed"), 0o500);
      expect(refusalOf(folder.file("closed/x"))).toEndWith("permission denied");
    },
  );
});
