/**
 * What packaging/observability brings for Prometheus and Grafana: the rules pass their own tests, every expression is
 * understood by a real Prometheus and names only what an agent exports, and that Prometheus counts what was sent.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { guestPath } from "../guests/guest-path.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { V2Proxy } from "../support/fake-proxy.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary-folder.ts";
import { runTool, skippedWithout } from "./installed-tool.ts";

setDefaultTimeout(120_000);

const FOLDER = join(import.meta.dir, "../../packaging/observability");
const RULES = join(FOLDER, "prometheus/wasm-agent.rules.yml");
const RULES_TEST = join(FOLDER, "prometheus/wasm-agent.rules.test.yml");
const README = readFileSync(join(import.meta.dir, "../../README.md"), "utf8");

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly annotations?: { readonly runbook: string };
}

interface Dashboard {
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

const { groups } = parse(readFileSync(RULES, "utf8")) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const dashboard = JSON.parse(readFileSync(join(FOLDER, "grafana/wasm-agent.json"), "utf8")) as Dashboard;
const expressions: readonly (readonly [name: string, expr: string])[] = [
  ...rules.map(({ record, alert, expr }) => [record ?? alert ?? "", expr] as const),
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
  ...dashboard.annotations.list.map(({ expr }) => ["annotation", expr] as const),
];

test.each(alerts.map(({ alert, annotations }) => [alert ?? "", annotations?.runbook ?? ""]))(
  "%s is tested, and README says what to do",
  (alert, runbook) => {
    expect(readFileSync(RULES_TEST, "utf8")).toContain(`alertname: ${alert}\n`);
    expect(runbook).toBe(`README.md#${alert.toLowerCase()}`);
    expect(README).toContain(`<a id="${alert.toLowerCase()}"></a>\`${alert}\``);
  },
);

describe.skipIf(Bun.which("promtool") === null)(`promtool${skippedWithout("promtool")}`, () => {
  test("takes the rules", () => {
    expect(runTool("promtool", "check", "rules", "--lint-fatal", RULES)).toMatchObject({ exitCode: 0 });
  });

  test("runs their tests", () => {
    expect(runTool("promtool", "test", "rules", RULES_TEST)).toMatchObject({ exitCode: 0 });
  });
});

describe.skipIf(Bun.which("prometheus") === null)(`a real Prometheus${skippedWithout("prometheus")}`, () => {
  let folder: TemporaryFolder;
  let agent: AgentProcess;
  let prometheus: Bun.Subprocess;
  let address: string;

  interface Sample {
    readonly metric: Readonly<Record<string, string>>;
    readonly value: readonly [time: number, value: string];
  }

  async function query(expr: string): Promise<readonly Sample[]> {
    const response = await fetch(`http://${address}/api/v1/query?${new URLSearchParams({ query: expr })}`);
    const answer = (await response.json()) as { status: string; error?: string; data: { result: Sample[] } };
    if (answer.status !== "success") throw new Error(`${expr}: ${answer.error}`);
    return answer.data.result;
  }

  async function until(expr: string, value: number): Promise<void> {
    let last = Number.NaN;
    for (let i = 0; i < 200; i++) {
      last = Number((await query(expr))[0]?.value[1]);
      if (last === value) return;
      await Bun.sleep(100);
    }
    throw new Error(`${expr} is ${last} instead of ${value}`);
  }

  beforeAll(async () => {
    folder = temporaryFolder();
    agent = await AgentProcess.start({
      module: guestPath("trap-on-marker"),
      flags: ["--admin-address", "127.0.0.1:0", "--fail-open"],
    });
    const { port } = await agent.line("the admin endpoint listens on TCP");
    address = `127.0.0.1:${freePort()}`;
    const config = folder.file("prometheus.yml");
    await Bun.write(
      config,
      JSON.stringify({
        global: { scrape_interval: "250ms", evaluation_interval: "500ms" },
        rule_files: [RULES],
        scrape_configs: [{ job_name: "wasm", static_configs: [{ targets: [`127.0.0.1:${port}`] }] }],
      }),
    );
    prometheus = Bun.spawn(
      [
        "prometheus",
        `--config.file=${config}`,
        `--storage.tsdb.path=${folder.file("data")}`,
        `--web.listen-address=${address}`,
        "--log.level=error",
      ],
      { stdin: "ignore", stdout: "ignore", stderr: "inherit" },
    );
    for (let i = 0; i < 300; i++) {
      if (
        await fetch(`http://${address}/-/ready`).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        return;
      await Bun.sleep(100);
    }
    throw new Error("Prometheus did not get ready");
  });

  afterAll(async () => {
    prometheus?.kill();
    await prometheus?.exited;
    await agent?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
  });

  test("counts events, failures, replaced instances and reloads to the last one", async () => {
    const EVENTS = 3000;
    const TRAPS = 30;
    // Rates need a look before anything has happened.
    await until("wasm_agent_ready", 1);
    const proxy = await V2Proxy.connect(agent.socketPath);
    for (let i = 0; i < EVENTS; i++) {
      const uri = i % (EVENTS / TRAPS) === 0 ? "/boom" : `/${i}`;
      await proxy.request({ id: `r${i}`, uri });
      if (i % 3 === 0) await proxy.response({ id: `r${i}` });
    }
    agent.signal("SIGHUP");
    await until('sum(wasm_agent_events_total{event="request_headers"})', EVENTS);
    await until('sum(wasm_agent_events_total{event="response_headers"})', EVENTS / 3);
    await until('sum(wasm_agent_failures_total{code="guest-trap"})', TRAPS);
    await until("sum(wasm_agent_failures_total)", TRAPS);
    await until('sum(wasm_agent_instance_replacements_total{reason="trap"})', TRAPS);
    await until('sum(wasm_agent_events_total{decided_by="fail_policy", decision="allow"})', TRAPS);
    await until('wasm_agent_reloads_total{result="success"}', 1);
    await until("sum(wasm_agent_event_duration_seconds_count)", EVENTS + EVENTS / 3);
    await until('sum(wasm_agent_connections{protocol="v2"})', 1);
  });

  test("fires the alert for failures while fail-open", async () => {
    await until('count(ALERTS{alertname="WasmAgentFailsOpen", code="guest-trap"})', 1);
  });

  test.each(expressions)(
    "takes the expression of %s, and finds every series that it names",
    async (_name, expr) => {
      const asked = expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$(?:job|instance|module)/g, ".*");
      await query(asked);
      const recorded = new Set(rules.map(({ record }) => record));
      const names = new Set(asked.match(/\b(?:wasm_agent|process)_\w+|\bjob:[\w:]+/g) ?? []);
      expect(names.size).toBeGreaterThan(0);
      for (const name of names) {
        if (!recorded.has(name)) expect([name, (await query(`count(${name})`)).length]).toEqual([name, 1]);
      }
    },
  );
});

/** Free a moment ago; Prometheus wants a number. */
function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}
