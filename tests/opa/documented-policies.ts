/** Policies that OPA's documentation shows, for inputs of our own. They are read out of its Go module, and never kept. */

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildBundle, type OpaTool } from "./opa-tool.ts";

export interface DocumentedPolicy {
  readonly name: string;
  readonly entrypoints: readonly string[];
  /** In the Go module; of Markdown, the first block of Rego that declares this package. */
  readonly file: string;
  readonly package: string;
}

/** A page of the Go module, which is no document of this repository. */
const markdown = (page: string) => `${page}.md`;

export const DOCUMENTED_POLICIES: readonly DocumentedPolicy[] = [
  {
    name: "envoy-public",
    entrypoints: ["envoy/http/public/allow"],
    file: "docs/src/pages/_examples/envoy/policy.rego",
    package: "envoy.http.public",
  },
  {
    name: "app-authz",
    entrypoints: ["application/authz/allow"],
    file: "docs/src/pages/_examples/app/policy.rego",
    package: "application.authz",
  },
  {
    name: "envoy-primer-allow",
    entrypoints: ["envoy/authz/allow"],
    file: markdown("docs/docs/envoy/primer"),
    package: "envoy.authz",
  },
  {
    name: "envoy-header-manipulation",
    entrypoints: ["envoy/authz/allow", "envoy/authz/response_headers_to_add"],
    file: "docs/docs/policy-reference/_examples/encoding/envoy_header_manipulation/policy.rego",
    package: "envoy.authz",
  },
  {
    name: "httpapi-authz",
    entrypoints: ["httpapi/authz/allow"],
    file: markdown("docs/docs/http-api-authorization"),
    package: "httpapi.authz",
  },
];

export interface BuiltPolicy {
  readonly source: string;
  readonly bundle: string;
}

/** @throws when the documentation does not show it any more, or OPA does not compile it */
export async function buildDocumented(tool: OpaTool, policy: DocumentedPolicy): Promise<BuiltPolicy> {
  const folder = join(tool.scratch, "documented", policy.name);
  mkdirSync(folder, { recursive: true });
  const source = join(folder, "policy.rego");
  await Bun.write(source, sourceOf(readFileSync(join(tool.moduleFolder, policy.file), "utf8"), policy));
  const bundle = join(folder, "bundle.tar.gz");
  if (!(await buildBundle(tool, [source], policy.entrypoints, bundle))) {
    throw new Error(`OPA does not compile ${policy.name}`);
  }
  return { source, bundle };
}

function sourceOf(text: string, { file, package: name }: DocumentedPolicy): string {
  if (!file.endsWith(".md")) return text;
  const blocks = [...text.matchAll(/```[^\n]*\n([\s\S]*?)```/g)].map(([, block = ""]) => block);
  const found = blocks.find((block) => block.includes(`package ${name}`));
  if (found === undefined) throw new Error(`${file} shows no policy of package ${name}`);
  return found;
}

/** What OPA's own evaluator says: a list like that of an evaluation of a compiled policy. */
export async function evaluateByOpa(
  { command }: OpaTool,
  source: string,
  entrypoint: string,
  input: string,
): Promise<unknown> {
  const query = `data.${entrypoint.replaceAll("/", ".")}`;
  const child = Bun.spawn([command, "eval", "-d", source, "-I", "-f", "json", query], {
    stdin: Buffer.from(input),
    stdout: "pipe",
    stderr: "ignore",
  });
  const report = (await new Response(child.stdout).json()) as {
    result?: readonly { expressions: readonly { value: unknown }[] }[];
  };
  return (report.result ?? []).map(({ expressions }) => ({ result: expressions[0]!.value }));
}
