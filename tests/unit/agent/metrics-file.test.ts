import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { MetricsFile } from "../../../src/agent/metrics-file.ts";
import { METRICS } from "../../../src/telemetry/metrics/catalogue.ts";
import { MetricsPage } from "../../../src/telemetry/metrics/metrics-page.ts";
import { RecordedLog } from "../../support/recorded-log.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

function collect(): MetricsPage {
  const page = new MetricsPage();
  page.add(METRICS.ready, [], 1);
  return page;
}

test("the file is there at once, whole, for others to read, and gone at the end", () => {
  using folder = temporaryFolder();
  const path = folder.file("agent.prom");
  const file = new MetricsFile({ path, collect, log: new RecordedLog() });
  expect(readFileSync(path, "utf8")).toEndWith("\nwasm_agent_ready 1\n");
  expect(statSync(path).mode & 0o777).toBe(0o644);
  expect(readdirSync(folder.path)).toEqual(["agent.prom"]);
  file.close();
  expect(existsSync(path)).toBe(false);
});

test("a file that cannot be written is said once, and nothing else happens", () => {
  using folder = temporaryFolder();
  const log = new RecordedLog();
  const file = new MetricsFile({ path: folder.file("none/agent.prom"), collect, log });
  expect(log.messages("warn")).toEqual(["the metrics file cannot be written"]);
  file.close();
});
