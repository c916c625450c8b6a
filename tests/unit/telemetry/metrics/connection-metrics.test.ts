import { expect, test } from "bun:test";
import { CellBlock } from "../../../../src/telemetry/metrics/cell-block.ts";
import { ConnectionMetrics } from "../../../../src/telemetry/metrics/connection-metrics.ts";
import { MetricsPage } from "../../../../src/telemetry/metrics/metrics-page.ts";
import { TEXT_FORMAT } from "../../../../src/telemetry/metrics/text-format.ts";

function series(metrics: ConnectionMetrics): string[] {
  const page = new MetricsPage();
  metrics.writeTo(page);
  return TEXT_FORMAT.write(page)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#") && !line.endsWith(" 0"));
}

test("a connection is unknown until its first frame, then of its protocol, then closed", () => {
  const metrics = new ConnectionMetrics(new CellBlock(new Float64Array(ConnectionMetrics.cells([]))), []);
  metrics.opened();
  expect(series(metrics)).toEqual(['wasm_agent_connections{protocol="unknown"} 1']);
  metrics.identified("v2");
  expect(series(metrics)).toEqual([
    'wasm_agent_connections{protocol="v2"} 1',
    'wasm_agent_connections_opened_total{protocol="v2"} 1',
  ]);
  metrics.closed("v2");
  expect(series(metrics)).toEqual(['wasm_agent_connections_opened_total{protocol="v2"} 1']);
});

test("one that closes without a frame was one, too", () => {
  const metrics = new ConnectionMetrics(new CellBlock(new Float64Array(ConnectionMetrics.cells([]))), []);
  metrics.opened();
  metrics.closed("unknown");
  expect(series(metrics)).toEqual(['wasm_agent_connections_opened_total{protocol="unknown"} 1']);
});
