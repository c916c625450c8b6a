/** docs/metrics.md says what is there: names, types, labels and meanings of the catalogue, and the values of labels. */

import { expect, test } from "bun:test";
import { ABI_NAMES } from "../../../../src/abi/abi-options.ts";
import { EVENT_LABELS } from "../../../../src/telemetry/metrics/event-label.ts";
import { REPLACEMENT_REASONS } from "../../../../src/telemetry/metrics/module-metrics.ts";
import { METRICS } from "../../../../src/telemetry/metrics/catalogue.ts";
import { documentedLabels, documentedMetrics } from "../../../support/metrics-document.ts";

test("the document lists every metric as it is, in the order of the output", async () => {
  expect(await documentedMetrics()).toEqual(
    Object.values(METRICS).map(({ name, type, labels, help }) => ({ name, type, labels: [...labels], help })),
  );
});

test.each([
  ["abi", ABI_NAMES],
  ["event", EVENT_LABELS],
  ["reason", REPLACEMENT_REASONS],
] as const)("it tells every value of %s", async (label, values) => {
  const told = (await documentedLabels()).get(label) ?? new Set();
  expect([...values].filter((value) => !told.has(value))).toEqual([]);
});

test("it tells the values of every label whose values are closed", async () => {
  const open = new Set(["version", "bun", "sha256"]);
  const used = new Set(Object.values(METRICS).flatMap(({ labels }) => [...labels]));
  expect(new Set((await documentedLabels()).keys())).toEqual(
    new Set([...used].filter((label) => !open.has(label))),
  );
});
