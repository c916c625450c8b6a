/**
 * Reloads a serving agent again and again while proxies of both eras keep it busy, and counts: events that were not
 * answered as either module would, connections that were lost, memory that stayed.
 */

import { copyFileSync, renameSync } from "node:fs";
import { AgentProcess, type LogLine } from "../support/agent-process.ts";
import type { AcceptedAnswer } from "../support/accepted-answer.ts";
import { examplePolicy } from "../support/example-modules.ts";
import { V1Proxy, V2Proxy } from "../support/fake-proxy.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

export interface ReloadTrialOptions {
  readonly reloads: number;
  /** `SIGHUP` after the file was replaced, or `watch`: the agent finds out by itself. */
  readonly trigger: "SIGHUP" | "watch";
  readonly dispatch: "auto" | "workers";
}

export interface ReloadTrialReport {
  readonly reloads: number;
  readonly events: number;
  /** Events that failed, went unanswered, or got another answer than both modules give. */
  readonly failed: readonly string[];
  /** Log lines of the agent that speak of an error. */
  readonly errors: readonly string[];
  /** The longest that an event waited for its answer. */
  readonly slowestMs: number;
  /** Of `reloads` log lines, those that name the module of before and the one after. */
  readonly namedBoth: number;
  /** Resident memory after a fifth of the reloads, and its highest and its mean over the last fifth. */
  readonly earlyBytes: number;
  readonly lateBytes: number;
  readonly peakBytes: number;
}

const V2_CONNECTIONS = 3;
const IN_FLIGHT_EACH = 4;
const RELOADED = "reloaded the module";
const WAIT_MS = 10_000;

/** Throws when a reload does not happen at all. */
export async function runReloadTrial(options: ReloadTrialOptions): Promise<ReloadTrialReport> {
  using folder = temporaryFolder();
  const modulePath = folder.file("policy.wasm");
  const modules = [examplePolicy("rust"), examplePolicy("c")] as const;
  copyFileSync(modules[0], modulePath);
  const flags = ["--pool-size", "2", "--dispatch", options.dispatch];
  if (options.trigger === "watch") flags.push("--watch");
  await using agent = await AgentProcess.start({ module: modulePath, flags });
  const load = await Load.start(agent.socketPath);
  const residentBytes: number[] = [];
  try {
    for (let i = 0; i < options.reloads; i++) {
      // Replaced in one step, as builds that are careful do it.
      copyFileSync(modules[(i + 1) % 2]!, `${modulePath}.new`);
      renameSync(`${modulePath}.new`, modulePath);
      if (options.trigger === "SIGHUP") agent.signal("SIGHUP");
      await reloadedTimes(agent, i + 1);
      residentBytes.push(await agent.residentBytes());
    }
  } finally {
    await load.stop();
  }
  const fifth = Math.max(1, Math.floor(options.reloads / 5));
  return {
    reloads: options.reloads,
    events: load.answered,
    failed: load.failed,
    errors: agent.lines.filter(({ level }) => level === "error").map(({ msg }) => msg),
    slowestMs: load.slowestMs,
    namedBoth: reloadLines(agent).filter(namesBoth).length,
    earlyBytes: mean(residentBytes.slice(fifth, 2 * fifth)),
    lateBytes: mean(residentBytes.slice(-fifth)),
    peakBytes: Math.max(...residentBytes),
  };
}

export function describeTrial(options: ReloadTrialOptions, report: ReloadTrialReport): string {
  const mib = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  return (
    `${options.trigger.padEnd(6)} ${options.dispatch.padEnd(7)} ${report.reloads} reloads, ${report.events} events, ` +
    `${report.failed.length} failed, slowest ${report.slowestMs.toFixed(0)} ms, resident ${mib(report.earlyBytes)} early, ` +
    `${mib(report.lateBytes)} late, ${mib(report.peakBytes)} at most`
  );
}

class Load {
  answered = 0;
  slowestMs = 0;
  readonly failed: string[] = [];
  readonly #loops: Promise<void>[] = [];
  #isStopping = false;
  #nextId = 0;

  static async start(socketPath: string): Promise<Load> {
    const load = new Load();
    const v1 = await V1Proxy.connect(socketPath);
    load.#loops.push(load.#loop((id) => v1.request({ id, uri: "/admin" })));
    for (let i = 0; i < V2_CONNECTIONS; i++) {
      const v2 = await V2Proxy.connect(socketPath);
      for (let j = 0; j < IN_FLIGHT_EACH; j++) {
        load.#loops.push(load.#loop((id) => v2.request({ id, uri: "/admin" })));
      }
    }
    return load;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#loops);
  }

  async #loop(ask: (id: string) => Promise<AcceptedAnswer>): Promise<void> {
    while (!this.#isStopping) {
      const startedAtMs = performance.now();
      try {
        const answer = await withinTime(ask(`load-${this.#nextId++}`));
        if (!isBlockedAdmin(answer)) this.failed.push(JSON.stringify(answer));
      } catch (error) {
        this.failed.push(String(error));
        return;
      }
      this.answered++;
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startedAtMs);
    }
  }
}

/** What both modules answer to a request for /admin without credentials. */
function isBlockedAdmin({ decision, tags }: AcceptedAnswer): boolean {
  return (
    typeof decision === "object" &&
    "block" in decision &&
    decision.block.status === 401 &&
    tags.join() === "admin-blocked"
  );
}

async function withinTime<T>(answer: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${WAIT_MS} ms`)), WAIT_MS);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function reloadedTimes(agent: AgentProcess, times: number): Promise<void> {
  const endAtMs = performance.now() + WAIT_MS;
  while (reloadLines(agent).length < times) {
    if (performance.now() > endAtMs) throw new Error(`reload ${times} did not happen:\n${agent.said()}`);
    await Bun.sleep(3);
  }
}

function reloadLines(agent: AgentProcess): LogLine[] {
  return agent.lines.filter(({ msg }) => msg === RELOADED);
}

function namesBoth(line: LogLine): boolean {
  const sha256 = /^[0-9a-f]{64}$/;
  return (
    sha256.test(String(line["sha256"])) &&
    sha256.test(String(line["sha256_before"])) &&
    line["sha256"] !== line["sha256_before"]
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
