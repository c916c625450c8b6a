/**
 * What the repository says about itself can be looked up: citations in the code name documents and sections that exist,
 * documents link to files and headings that exist, and the frames they show have the lengths they state.
 */

import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { Glob } from "bun";

const ROOT = join(import.meta.dir, "..");
const CITING_FILES = ["src/**/*.{ts,css,html}", "tests/**/*.{ts,mjs,c,h,rs,sh,wat}"];
const DOCUMENTS = ["*.md", "docs/*.md"];
const THIS_FILE = "tests/documents.test.ts";

interface Citation {
  /** Where it stands, for the report. */
  readonly at: string;
  /** Below the root, as far as it can be told: `docs/agent-protocol.md`. */
  readonly path: string;
  readonly sections: readonly string[];
  /** Headings in quotes: `RATIONALE.md, "Why ..."`. */
  readonly headings: readonly string[];
}

/** A file name, then section numbers or a heading in quotes. */
const CITED =
  /(?<path>[\w./-]*\w\.md)\b(?<sections>,? \d{1,2}(?:\.\d{1,2})*(?:(?:, | and )\d{1,2}(?:\.\d{1,2})*)*\b(?!\.\d))?(?:,? "(?<heading>[A-Z][^"]+)")?/g;

/** The text of a file with its comments in one piece: a citation may be broken at the end of a line. */
function joinedLines(text: string): string {
  return text.replaceAll(/\n\s*(?:\*(?!\/)|\/\/|;;)?\s*/g, " ");
}

function citations(file: string, text: string): Citation[] {
  return [...joinedLines(text).matchAll(CITED)].map(({ groups }) => {
    const { path = "", sections, heading } = groups ?? {};
    return {
      at: `${file}: ${path}${sections ?? ""}${heading === undefined ? "" : `, "${heading}"`}`,
      path,
      sections: sections?.match(/\d+(?:\.\d+)*/g) ?? [],
      headings: heading === undefined ? [] : [heading],
    };
  });
}

/** Headings of a document: all of them, and the numbers of those that have one (`3.3`). */
class Outline {
  readonly titles: readonly string[];
  readonly numbers: readonly string[];
  readonly anchors: ReadonlySet<string>;

  constructor(text: string) {
    const body = text.replaceAll(/^```.*?^```$/gms, "");
    this.titles = [...body.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) => title);
    this.numbers = this.titles.flatMap((title) => /^(\d+(?:\.\d+)*)\.? /.exec(title)?.[1] ?? []);
    this.anchors = new Set(this.titles.map(anchorOf));
  }
}

/** As GitHub makes them: lower case, spaces to hyphens, punctuation left out. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}

async function readAll(patterns: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const pattern of patterns) {
    for await (const path of new Glob(pattern).scan(ROOT)) {
      texts.set(path, await Bun.file(join(ROOT, path)).text());
    }
  }
  return new Map([...texts].sort(([a], [b]) => a.localeCompare(b)));
}

const documents = await readAll(DOCUMENTS);
const outlines = new Map([...documents].map(([path, text]) => [path, new Outline(text)]));
const code = new Map([...(await readAll(CITING_FILES))].filter(([path]) => path !== THIS_FILE));

/** The path below the root, looked for there, beside the citing file and in docs/; null when there is none. */
function resolved(citing: string, path: string): string | null {
  const places = [path, join(dirname(citing), path), join("docs", path)].map((place) => normalize(place));
  return places.find((place) => !place.startsWith("..") && existsSync(join(ROOT, place))) ?? null;
}

function missingSections(citation: Citation, outline: Outline | undefined): string[] {
  return [
    ...citation.sections.filter((section) => !outline?.numbers.includes(section)),
    ...citation.headings.filter((heading) => !outline?.titles.includes(heading)),
  ].map((missing) => `${citation.at} -> ${missing}`);
}

describe("citations in the code", () => {
  const found = [...code].flatMap(([file, text]) =>
    citations(file, text).map((citation) => ({ file, ...citation })),
  );

  test("are seen, wherever their line is broken", () => {
    const text = '/**\n * A (docs/agent-protocol.md\n * 3.3, 2.10), and RATIONALE.md, "Why so", 1.\n */';
    expect(citations("f.ts", text).map(({ path, sections, headings }) => [path, sections, headings])).toEqual(
      [
        ["docs/agent-protocol.md", ["3.3", "2.10"], []],
        ["RATIONALE.md", [], ["Why so"]],
      ],
    );
    expect(found.filter(({ sections }) => sections.length > 0).length).toBeGreaterThan(50);
  });

  test("name documents of this repository", () => {
    expect(found.filter(({ file, path }) => resolved(file, path) === null).map(({ at }) => at)).toEqual([]);
  });

  test("name a document with sections by its path, so that it can be opened", () => {
    const vague = found.filter(({ path, sections }) => sections.length > 0 && !outlines.has(path));
    expect(vague.map(({ at }) => at)).toEqual([]);
  });

  test("name sections and headings that exist", () => {
    expect(found.flatMap((citation) => missingSections(citation, outlines.get(citation.path)))).toEqual([]);
  });
});

describe.each([...documents.keys()])("%s", (path) => {
  const text = documents.get(path)!;

  test("links to files and headings that exist", () => {
    const broken = [...text.matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].filter(
      ([, target = "", anchor]) => {
        const file = target === "" ? path : normalize(join(dirname(path), target));
        if (!existsSync(join(ROOT, file))) return true;
        return anchor !== undefined && outlines.get(file)?.anchors.has(anchor) !== true;
      },
    );
    expect(broken.map(([link]) => link)).toEqual([]);
  });

  test("cites sections and headings that exist", () => {
    const cited = citations(path, text).filter(
      ({ sections, headings }) => sections.length + headings.length > 0,
    );
    const missing = cited.flatMap((citation) =>
      missingSections(citation, outlines.get(resolved(path, citation.path) ?? "")),
    );
    expect(missing).toEqual([]);
  });
});

describe.each(["docs/agent-protocol.md", "docs/design.md"])("the numbered sections of %s", (path) => {
  const text = documents.get(path)!;
  const { numbers } = outlines.get(path)!;

  test("follow each other without a gap", () => {
    const expected: string[] = [];
    for (const number of numbers) {
      const [chapter = 0, section] = number.split(".").map(Number);
      const before = expected.at(-1)?.split(".").map(Number) ?? [0];
      expected.push(section === undefined ? `${before[0]! + 1}` : `${before[0]}.${(before[1] ?? 0) + 1}`);
      expect(chapter).toBeGreaterThan(0);
    }
    expect(numbers).toEqual(expected);
    expect(numbers.length).toBeGreaterThan(20);
  });

  test("that the text refers to exist", () => {
    const references = [
      ...text.matchAll(/\(((?:\d{1,2}\.\d{1,2}(?:, |; )?)+)\)/g),
      ...text.matchAll(/\b(?:[Ss]ections?|[Cc]hapters?|as in) (\d{1,2}(?:\.\d{1,2})?)(?![\d.]*\d)/g),
      // The last column of a table.
      ...text.matchAll(/^\|.*\| (\d{1,2}(?:\.\d{1,2})?(?:, \d{1,2}(?:\.\d{1,2})?)*) \|$/gm),
    ].flatMap(([, listed = ""]) => listed.match(/\d+(?:\.\d+)?/g) ?? []);
    expect(references.filter((reference) => !numbers.includes(reference))).toEqual([]);
    expect(references.length).toBeGreaterThan(5);
  });
});

describe("the frames of docs/agent-protocol.md", () => {
  const blocks = [...documents.get("docs/agent-protocol.md")!.matchAll(/^```frames\n(.*?)^```$/gms)];
  const frames = blocks.flatMap(([, lines = ""]) => lines.trimEnd().split("\n"));

  test.each(frames)("%s", (line) => {
    const [, prefix = "", payload = ""] = /^((?:[\da-f]{2} )+)(\{.*)$/.exec(line) ?? [];
    const bytes = Buffer.from(prefix.replaceAll(" ", ""), "hex");
    expect([4, 5]).toContain(bytes.length);
    expect(bytes.readUInt32BE()).toBe(bytes.length - 4 + Buffer.byteLength(payload));
    expect(() => JSON.parse(payload)).not.toThrow();
  });
});
