/** OPA's conformance cases (v1/test/cases of its module), as policies that OPA compiles. */

import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { buildBundle, type OpaTool } from "./opa-tool.ts";

const CASES = "v1/test/cases/testdata/v1";

export interface ConformanceCase {
  readonly note: string;
  readonly query: string;
  readonly modules?: readonly string[];
  readonly data?: unknown;
  readonly input?: unknown;
  readonly input_term?: string;
  readonly want_result?: readonly Readonly<Record<string, unknown>>[];
  readonly want_defined?: boolean;
  readonly want_error_code?: string;
  readonly want_error?: string;
  readonly env?: unknown;
}

export interface CompiledCase {
  readonly bundle: Uint8Array<ArrayBuffer>;
  readonly entrypoint: string;
  /** As text that a policy reads; empty for no input. */
  readonly input: string;
  /** Values of the rule: bindings of the query's variables. None for an error, which leaves a policy undefined. */
  readonly expected: readonly unknown[];
}

/** Of one folder, such as `sprintf`. */
export function readCases({ moduleFolder }: OpaTool, folder: string): readonly ConformanceCase[] {
  const path = join(moduleFolder, CASES, folder);
  return readdirSync(path)
    .filter((name) => name.endsWith(".yaml"))
    .flatMap((name) => (parse(readFileSync(join(path, name), "utf8")) as { cases: ConformanceCase[] }).cases);
}

const PACKAGE = "conformance_query";

/** The query becomes a rule of its own. Null for a case that OPA refuses to compile, or whose result is not told. */
export async function compileCase(tool: OpaTool, given: ConformanceCase): Promise<CompiledCase | null> {
  const expected = expectedOf(given);
  if (expected === null || given.env !== undefined) return null;
  const variables = Object.keys(given.want_result?.[0] ?? { x: null });
  const object = variables.map((name) => `${JSON.stringify(name)}: ${name}`).join(", ");
  const rule = `package ${PACKAGE}\n\nresult := {${object}} if {\n\t${given.query}\n}\n`;
  const folder = join(
    tool.scratch,
    "cases",
    Bun.hash(JSON.stringify([given.modules, given.data, rule])).toString(16),
  );
  const bundle = join(folder, "bundle.tar.gz");
  const entrypoint = `${PACKAGE}/result`;
  if (!existsSync(bundle)) {
    mkdirSync(folder, { recursive: true });
    const files = await writeFiles(folder, [...(given.modules ?? []), rule], given.data);
    if (!(await buildBundle(tool, files, [entrypoint], bundle))) return null;
  }
  return { bundle: await Bun.file(bundle).bytes(), entrypoint, input: inputOf(given), expected };
}

function expectedOf(given: ConformanceCase): readonly unknown[] | null {
  if (given.want_error !== undefined || given.want_error_code !== undefined) return [];
  return given.want_result ?? (given.want_defined === false ? [] : null);
}

function inputOf({ input, input_term }: ConformanceCase): string {
  return input_term ?? (input === undefined ? "" : JSON.stringify(input));
}

async function writeFiles(
  folder: string,
  modules: readonly string[],
  data: unknown,
): Promise<readonly string[]> {
  const files = modules.map((_, i) => join(folder, `module${i}.rego`));
  await Promise.all(files.map((file, i) => Bun.write(file, modules[i]!)));
  if (data === undefined || data === null) return files;
  const dataFile = join(folder, "data.json");
  await Bun.write(dataFile, JSON.stringify(data));
  return [...files, dataFile];
}
