/** What docs/metrics.md says, as data. */

import { join } from "node:path";

const DOCUMENT = join(import.meta.dir, "../../docs/metrics.md");

export interface DocumentedMetric {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

export async function documentedMetrics(): Promise<DocumentedMetric[]> {
  return (await rowsOf("metrics")).map(([name = "", type = "", labels = "", help = ""]) => ({
    name: unquoted(name),
    type,
    labels: labels === "-" ? [] : labels.split(", ").map(unquoted),
    help,
  }));
}

/** All words in code style that stand beside a label. */
export async function documentedLabels(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const rows = await rowsOf("labels");
  return new Map(
    rows.map(([label = "", values = ""]) => [
      unquoted(label),
      new Set([...values.matchAll(/`([^`]+)`/g)].map(([, value = ""]) => value)),
    ]),
  );
}

async function rowsOf(table: string): Promise<string[][]> {
  const text = await Bun.file(DOCUMENT).text();
  const lines =
    text.split(`<!-- ${table} -->\n`)[1]?.split(`<!-- /${table} -->`)[0]?.trim().split("\n") ?? [];
  return lines.slice(2).map((line) => line.slice(2, -2).split(" | "));
}

function unquoted(text: string): string {
  return text.replaceAll("`", "");
}
