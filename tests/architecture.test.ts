/** The floor plan of docs/design.md 7: which folder of src may import which, and that no module keeps state of its own. */

import { describe, expect, test } from "bun:test";
import { dirname, join, normalize } from "node:path";
import { Glob } from "bun";

const SRC = join(import.meta.dir, "../src");
const MAX_FILE_LINES = 450;

/** Which folders, or single files of them, a folder may import beside its own files. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["os/hold-signals.ts", "cli/"],
  cli: [
    "agent/",
    "tools/",
    "abi/abi-options.ts",
    "host/callouts.ts",
    "telemetry/",
    "transport/socket-error.ts",
    "wasm/",
    "event/",
    "os/",
    "package.json",
  ],
  agent: [
    "transport/",
    "protocol/",
    "dispatch/",
    "ring/",
    "exchange/",
    "abi/",
    "host/",
    "telemetry/",
    "wasm/",
    "event/",
    "os/",
    "package.json",
  ],
  tools: [
    "agent/",
    "abi/",
    "host/",
    "dispatch/",
    "exchange/",
    "ring/call-meter.ts",
    "ring/leased-instance.ts",
    "ring/ring-job.ts",
    "ring/to-failure.ts",
    "transport/uds/socket-path.ts",
    "telemetry/",
    "wasm/",
    "event/",
    "docs/",
  ],
  transport: ["telemetry/log.ts", "telemetry/rate-limited-log.ts", "telemetry/metrics/", "os/"],
  protocol: ["transport/", "event/", "telemetry/log.ts"],
  dispatch: ["ring/ring-job.ts", "exchange/", "event/", "telemetry/"],
  ring: [
    "exchange/",
    "abi/contract.ts",
    "abi/guest-recipe.ts",
    "host/grants.ts",
    "wasm/guest-host.ts",
    "wasm/imports/line-rate.ts",
    "event/",
    "telemetry/log.ts",
    "telemetry/metrics/",
  ],
  exchange: ["event/"],
  abi: ["exchange/end-reason.ts", "host/", "wasm/", "event/", "telemetry/log.ts"],
  host: [],
  wasm: ["event/", "telemetry/"],
  telemetry: ["event/"],
  os: ["telemetry/log.ts"],
  event: [],
};

/** Folders whose code only computes: no package, no file, no socket, no process. */
const PURE_FOLDERS: readonly string[] = ["event", "protocol", "exchange", "dispatch", "abi"];

/** What only they may use of packages and the system: algorithms, and nothing that reaches outside of the process. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  "abi/opa/builtins/": ["node:crypto", "re2js", "yaml"],
};

interface SourceFile {
  /** Below src, with slashes. */
  readonly path: string;
  /** The top folder, or the file itself at the top. */
  readonly folder: string;
  readonly text: string;
  readonly imports: readonly string[];
}

/** Every way a file can name another: imports, re-exports, dynamic imports, and worker entry points. */
const IMPORTED = /(?:\bfrom\s+|\bimport\s+|\bimport\(\s*|\bnew URL\(\s*|\bnew Worker\(\s*)"([^"]+)"/g;

/** Without types and without what is only imported when it is needed. */
const IMPORTED_AT_ONCE = /^(?:import|export)\s+(?!type\b)[^;]*?\bfrom\s+"([^"]+)"/gm;

function mayUse({ path }: SourceFile, library: string): boolean {
  return Object.entries(LIBRARIES).some(
    ([folder, libraries]) => path.startsWith(folder) && libraries.includes(library),
  );
}

async function readSources(): Promise<readonly SourceFile[]> {
  const files: SourceFile[] = [];
  for await (const path of new Glob("**/*.ts").scan(SRC)) {
    // The transcoder's source is another language in TypeScript's clothes: it has a memory of its own, and imports itself.
    if (path.startsWith("abi/json/transcoder/assembly/")) continue;
    const text = await Bun.file(join(SRC, path)).text();
    const folder = path.includes("/") ? path.slice(0, path.indexOf("/")) : path;
    files.push({ path, folder, text, imports: [...text.matchAll(IMPORTED)].map((match) => match[1]!) });
  }
  return files.sort((a, b) => a.path.localeCompare(b.path));
}

const files = await readSources();

/** The path below src that a relative import names; null for packages. */
function target(file: SourceFile, specifier: string): string | null {
  if (!specifier.startsWith(".")) return null;
  const path = normalize(join(dirname(file.path), specifier));
  return path.startsWith("../") ? path.slice("../".length) : path;
}

/** Whether an entry of the plan, a folder or a file, allows a path. */
function covers(allowed: string, path: string): boolean {
  return path === allowed || (allowed.endsWith("/") && path.startsWith(allowed));
}

function imports(file: SourceFile, allowed: string): boolean {
  return file.imports.some((specifier) => covers(allowed, target(file, specifier) ?? ""));
}

describe("imports", () => {
  test("the reader of imports sees them all", () => {
    const text =
      'import type { A } from "./a.ts";\nexport { b } from "./b.ts";\nawait import("./c.ts");\nnew Worker("./d.ts");';
    expect([...text.matchAll(IMPORTED)].map((match) => match[1])).toEqual([
      "./a.ts",
      "./b.ts",
      "./c.ts",
      "./d.ts",
    ]);
    expect(files.flatMap((file) => file.imports).length).toBeGreaterThan(200);
  });

  test("every folder is in the plan", () => {
    expect([...new Set(files.map((file) => file.folder))].sort()).toEqual(Object.keys(MAY_IMPORT).sort());
  });

  test("the plan names only folders and files that exist, and that somebody imports", () => {
    const unused = Object.entries(MAY_IMPORT).flatMap(([folder, allowed]) =>
      allowed
        .filter((entry) => !files.some((file) => file.folder === folder && imports(file, entry)))
        .map((entry) => `${folder} -> ${entry}`),
    );
    expect(unused).toEqual([]);
  });

  test.each(Object.keys(MAY_IMPORT))("%s imports only what the plan allows", (folder) => {
    const forbidden: string[] = [];
    for (const file of files.filter((candidate) => candidate.folder === folder)) {
      for (const specifier of file.imports) {
        const path = target(file, specifier);
        if (path === null || path.startsWith(`${folder}/`)) continue;
        if (!MAY_IMPORT[folder]!.some((allowed) => covers(allowed, path)))
          forbidden.push(`${file.path} -> ${path}`);
      }
    }
    expect(forbidden).toEqual([]);
  });

  test("the plan has no way back: a folder never reaches itself through others", () => {
    const reach = (folder: string, seen: readonly string[]): void => {
      expect(seen, [...seen, folder].join(" -> ")).not.toContain(folder);
      for (const next of MAY_IMPORT[folder] ?? []) reach(next.split("/")[0]!, [...seen, folder]);
    };
    for (const folder of Object.keys(MAY_IMPORT)) reach(folder, []);
  });

  test("the folders that only compute import no package and nothing of the system", () => {
    const foreign = files
      .filter((file) => PURE_FOLDERS.includes(file.folder))
      .flatMap((file) =>
        file.imports
          .filter((name) => target(file, name) === null && !mayUse(file, name))
          .map((name) => `${file.path} -> ${name}`),
      );
    expect(foreign).toEqual([]);
  });

  test("libraries of single functions are loaded with those functions, and never with the agent", () => {
    const byPath = new Map(files.map((file) => [file.path, file]));
    const seen = new Set<string>();
    const visit = (path: string): void => {
      const file = byPath.get(path);
      if (file === undefined || seen.has(path)) return;
      seen.add(path);
      for (const [, name = ""] of file.text.matchAll(IMPORTED_AT_ONCE)) visit(target(file, name) ?? "");
    };
    visit("main.ts");
    expect(seen.has("abi/opa/builtins/registry.ts")).toBe(true);
    const eager = files.filter(({ path, imports }) => {
      const libraries = Object.entries(LIBRARIES).find(([folder]) => path.startsWith(folder))?.[1] ?? [];
      return seen.has(path) && imports.some((name) => libraries.includes(name));
    });
    expect(eager.map(({ path }) => path)).toEqual([]);
  });

  test("every import names an existing file", () => {
    const known = new Set(files.map((file) => file.path));
    const missing = files.flatMap((file) =>
      file.imports
        .map((specifier) => target(file, specifier))
        .filter((path) => path?.endsWith(".ts") && !known.has(path))
        .map((path) => `${file.path} -> ${path}`),
    );
    expect(missing).toEqual([]);
  });
});

describe("state", () => {
  /** Statements at the left margin: the formatter puts nothing else there. */
  const topLevelStatements = (text: string): string[] =>
    text.split(/^(?=(?:export )?(?:const|let|var|class|function|async)\b)/m);

  test("no module has a variable", () => {
    const variables = files.flatMap((file) =>
      topLevelStatements(file.text)
        .filter((statement) => /^(?:export )?(?:let|var)\b/.test(statement))
        .map((statement) => `${file.path}: ${statement.split("\n")[0]}`),
    );
    expect(variables).toEqual([]);
  });

  test("no module has a collection that could be written to", () => {
    const collections = files.flatMap((file) =>
      topLevelStatements(file.text)
        .filter((statement) => isMutableCollection(statement))
        .map((statement) => `${file.path}: ${statement.split("\n")[0]}`),
    );
    expect(collections).toEqual([]);
  });

  test("no class has a static field that could be written to", () => {
    const fields = files.flatMap((file) =>
      [
        ...file.text.matchAll(/^\s+(?:private |protected )?static (?!readonly\b|async\b)#?\w+\s*[:=;].*$/gm),
      ].map((match) => `${file.path}: ${match[0].trim()}`),
    );
    expect(fields).toEqual([]);
  });

  test.each([
    ["const seen = new Set<string>();", true],
    ["export const table = new Map([[1, 2]]);", true],
    ["const cache: Map<string, number> = new Map();", true],
    ["const queue: string[] = [];", true],
    ["const TABLE: ReadonlyMap<string, number> = new Map([]);", false],
    ["const NAMES: ReadonlySet<string> = new Set([\n]);", false],
    ["const MAGIC = [0x00, 0x61];", false],
    ["function f() {\n  const seen = new Set();\n}", false],
  ])("%s: a mutable collection? %p", (statement, isMutable) => {
    expect(isMutableCollection(statement)).toBe(isMutable);
  });

  /** A map or set under its writable type, or a list that starts empty and so waits to be filled. */
  function isMutableCollection(statement: string): boolean {
    const match = /^(?:export )?const \w+\s*(?<type>:[^=]*(?:=>[^=]*)*)?=\s*(?<value>[\s\S]*)$/.exec(
      statement,
    );
    const { type = "", value = "" } = match?.groups ?? {};
    return /^(?:new (?:Weak)?(?:Map|Set)\b|new Array\b|\[\];|\{\};)/.test(value) && !/[Rr]eadonly/.test(type);
  }
});

describe("the binary format of WebAssembly", () => {
  const others = files.filter(({ path }) => !path.startsWith("wasm/binary/"));

  test("is read in wasm/binary, and beside it only where code is metered and checked", () => {
    const readers = others
      .filter((file) => imports(file, "wasm/binary/byte-reader.ts"))
      .map(({ path }) => path);
    expect(readers.filter((path) => !/^(?:wasm\/metering|tools\/check)\//.test(path))).toEqual([]);
  });

  test("its header stands in one file", () => {
    const copies = others.filter(({ text }) => /0x61, 0x73, 0x6d|"\\0asm"/.test(text));
    expect(copies.map(({ path }) => path)).toEqual([]);
  });
});

test(`no file has more than ${MAX_FILE_LINES} lines`, () => {
  const long = files
    .map((file) => ({ path: file.path, lines: file.text.split("\n").length - 1 }))
    .filter(({ lines }) => lines > MAX_FILE_LINES);
  expect(long).toEqual([]);
});

test("every file opens by saying what it is for", () => {
  expect(files.filter((file) => !file.text.startsWith("/**")).map((file) => file.path)).toEqual([]);
});
