/** Metrics as a scraper sees them: series by name and labels, read from the text format. */

import { MetricsPage } from "../../src/telemetry/metrics/metrics-page.ts";
import { TEXT_FORMAT } from "../../src/telemetry/metrics/text-format.ts";

const SERIES = /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/;
const LABEL = /(?<label>\w+)="(?<text>(?:[^"\\]|\\.)*)"/g;

export interface ScrapedSeries {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export class ScrapedMetrics {
  readonly text: string;
  readonly series: readonly ScrapedSeries[];

  constructor(text: string) {
    this.text = text;
    this.series = text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map(readSeries);
  }

  static of(...sources: readonly { writeTo(page: MetricsPage): void }[]): ScrapedMetrics {
    const page = new MetricsPage();
    for (const source of sources) source.writeTo(page);
    return new ScrapedMetrics(TEXT_FORMAT.write(page));
  }

  /** The sum of all series of this name that have these labels. Throws when there is none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const found = this.series.filter(
      (series) =>
        series.name === name &&
        Object.entries(labels).every(([label, value]) => series.labels[label] === value),
    );
    if (found.length === 0) throw new Error(`no series ${name} ${JSON.stringify(labels)}`);
    return found.reduce((sum, { value }) => sum + value, 0);
  }

  /** Series with other values than 0, without the prefix, as `events{event=...,decision=...} 1`. */
  nonZero(name: string): string[] {
    return this.series
      .filter((series) => series.name === name && series.value !== 0)
      .map(({ labels, value }) => `${Object.values(labels).join(" ")}: ${value}`);
  }
}

function readSeries(line: string): ScrapedSeries {
  const groups = SERIES.exec(line)?.groups;
  if (groups === undefined) throw new Error(`not a line of the text format: ${line}`);
  const labels = Object.fromEntries(
    [...(groups["labels"] ?? "").matchAll(LABEL)].map((match) => [
      match.groups!["label"]!,
      match.groups!["text"]!,
    ]),
  );
  return { name: groups["name"]!, labels, value: Number(groups["value"]!.replace("Inf", "Infinity")) };
}
