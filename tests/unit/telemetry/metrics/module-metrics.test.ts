import { describe, expect, test } from "bun:test";
import { ModuleCounters, ModuleMetrics } from "../../../../src/telemetry/metrics/module-metrics.ts";

describe("the metrics of a module", () => {
  test("add up what all threads have counted", () => {
    const metrics = new ModuleMetrics();
    metrics.own.countFailure("guest-trap");
    const thread = new ModuleCounters(metrics.lend());
    thread.countFailure("guest-trap");
    new ModuleCounters(metrics.lend()).countFailure("guest-deadline");
    const failures = metrics.sum().failureCounts();
    expect(failures["guest-trap"]).toBe(2);
    expect(failures["guest-deadline"]).toBe(1);
  });

  test("keep what a thread has counted when it ends, and the next one goes on there", () => {
    const metrics = new ModuleMetrics();
    const cells = metrics.lend();
    new ModuleCounters(cells).countFailure("guest-trap");
    metrics.giveBack(cells);
    expect(metrics.sum().failureCounts()["guest-trap"]).toBe(1);
    const next = metrics.lend();
    expect(next).toBe(cells);
    new ModuleCounters(next).countFailure("guest-trap");
    expect(metrics.sum().failureCounts()["guest-trap"]).toBe(2);
  });

  test("know the largest instance of the threads that run", () => {
    const metrics = new ModuleMetrics();
    const cells = [metrics.lend(), metrics.lend()];
    new ModuleCounters(cells[0]).memoryBytes = 1000;
    new ModuleCounters(cells[1]).memoryBytes = 3000;
    expect(metrics.threadMemoryBytes).toBe(3000);
    metrics.giveBack(cells[1]!);
    expect(metrics.threadMemoryBytes).toBe(1000);
  });

  test("are lent in shared memory", () => {
    expect(new ModuleMetrics().lend().buffer).toBeInstanceOf(SharedArrayBuffer);
  });
});
