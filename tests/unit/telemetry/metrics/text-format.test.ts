import { describe, expect, test } from "bun:test";
import { chooseFormat } from "../../../../src/telemetry/metrics/choose-format.ts";
import { METRICS } from "../../../../src/telemetry/metrics/catalogue.ts";
import type { Metric } from "../../../../src/telemetry/metrics/metric.ts";
import { MetricsPage } from "../../../../src/telemetry/metrics/metrics-page.ts";
import { OPEN_METRICS, TEXT_FORMAT } from "../../../../src/telemetry/metrics/text-format.ts";

const COUNTER: Metric = { name: "x_total", type: "counter", help: "Counts.", labels: ["a", "b"] };
const PLAIN: Metric = { name: "y", type: "gauge", help: "A \\ and\na line.", labels: [] };
const HISTOGRAM: Metric = { name: "z_seconds", type: "histogram", help: "Times.", labels: ["a"] };

function page(fill: (page: MetricsPage) => void): MetricsPage {
  const filled = new MetricsPage();
  fill(filled);
  return filled;
}

describe("the Prometheus text format", () => {
  test("names labels and values of each series below its metric", () => {
    const text = TEXT_FORMAT.write(
      page((p) => {
        p.add(COUNTER, ["1", "2"], 3);
        p.add(COUNTER, ["1", "3"], 0);
      }),
    );
    expect(text).toBe(
      '# HELP x_total Counts.\n# TYPE x_total counter\nx_total{a="1",b="2"} 3\nx_total{a="1",b="3"} 0\n',
    );
  });

  test("escapes backslashes, quotes and line ends in labels, and the first and last in help", () => {
    expect(TEXT_FORMAT.write(page((p) => p.add(COUNTER, ['"\\', "\n"], 1)))).toContain(
      'x_total{a="\\"\\\\",b="\\n"} 1\n',
    );
    expect(TEXT_FORMAT.write(page((p) => p.add(PLAIN, [], 1)))).toContain("# HELP y A \\\\ and\\na line.\n");
  });

  test("adds the ranges of a histogram up, with the bound of the last as +Inf", () => {
    const value = { bounds: [0.000005, 0.5, 1], counts: [1, 0, 2, 3], sum: 4.5 };
    expect(TEXT_FORMAT.write(page((p) => p.addHistogram(HISTOGRAM, ["q"], value)))).toBe(
      [
        "# HELP z_seconds Times.",
        "# TYPE z_seconds histogram",
        'z_seconds_bucket{a="q",le="0.000005"} 1',
        'z_seconds_bucket{a="q",le="0.5"} 1',
        'z_seconds_bucket{a="q",le="1.0"} 3',
        'z_seconds_bucket{a="q",le="+Inf"} 6',
        'z_seconds_sum{a="q"} 4.5',
        'z_seconds_count{a="q"} 6',
        "",
      ].join("\n"),
    );
  });

  test("spells numbers that are none", () => {
    expect(TEXT_FORMAT.write(page((p) => p.add(PLAIN, [], Number.POSITIVE_INFINITY)))).toContain(
      "\ny +Inf\n",
    );
  });

  test("leaves out what has no series", () => {
    expect(TEXT_FORMAT.write(new MetricsPage())).toBe("");
  });

  test("writes the catalogue in its order, whatever is added first", () => {
    const text = TEXT_FORMAT.write(
      page((p) => {
        p.add(METRICS.ready, [], 1);
        p.add(METRICS.buildInfo, ["1", "2"], 1);
      }),
    );
    expect(text.indexOf(METRICS.buildInfo.name)).toBeLessThan(text.indexOf(METRICS.ready.name));
  });
});

describe("OpenMetrics", () => {
  test("has the counter's name without its suffix, series with it, and an end", () => {
    expect(OPEN_METRICS.write(page((p) => p.add(COUNTER, ["1", "2"], 3)))).toBe(
      '# HELP x Counts.\n# TYPE x counter\nx_total{a="1",b="2"} 3\n# EOF\n',
    );
  });

  test("no two metrics share a name there", () => {
    const names = Object.values(METRICS).map(({ name, type }) =>
      type === "counter" ? name.replace(/_total$/, "") : name,
    );
    expect(new Set(names).size).toBe(names.length);
  });

  test("has no quote in a help text, which the two formats would spell differently", () => {
    expect(Object.values(METRICS).filter(({ help }) => help.includes('"'))).toEqual([]);
  });
});

describe("the format by Accept", () => {
  const PROMETHEUS_2 =
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
  test.each([
    [null, TEXT_FORMAT],
    ["", TEXT_FORMAT],
    ["*/*", TEXT_FORMAT],
    ["text/plain", TEXT_FORMAT],
    ["application/openmetrics-text", OPEN_METRICS],
    ["Application/OpenMetrics-Text; Version=1.0.0", OPEN_METRICS],
    ["application/openmetrics-text; version=2.0.0", TEXT_FORMAT],
    ["application/openmetrics-text;q=0", TEXT_FORMAT],
    ["application/openmetrics-text;q=0.1,text/plain;q=0.9", TEXT_FORMAT],
    ["application/openmetrics-text;q=x", TEXT_FORMAT],
    [PROMETHEUS_2, OPEN_METRICS],
  ])("%p", (accept, format) => {
    expect(chooseFormat(accept)).toBe(format);
  });
});
