/**
 * What a handler call of an http-wasm guest takes here and in its Go host, which runs it in wazero: the benchmark guests
 * of the host's own module, and its examples, with the same requests. Both sides include what a host does around the
 * call; neither has a socket. Bodies are there when the handler is called, as in the Go host; what it takes when they come later,
 * with an event, is shown beside it. What counts is processor time, of all threads. They run in turns, each time in a process of its own; the ratio is taken within a round, and
 * the median over the rounds counts. Needs Go and its module proxy.
 *
 *     bun tests/bench/http-wasm.ts [--rounds 5]
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DEFAULT_HTTP_WASM } from "../../src/abi/abi-options.ts";
import { guestLimits } from "../../src/abi/guest-recipe.ts";
import { httpWasmAbi } from "../../src/abi/http-wasm/http-wasm-abi.ts";
import { HttpWasmGuest } from "../../src/abi/http-wasm/http-wasm-guest.ts";
import { RequestPhase } from "../../src/abi/http-wasm/request-phase.ts";
import type { BodyEvent, HeaderMap, RequestHeadersEvent } from "../../src/event/event.ts";
import type { Verdict } from "../../src/event/verdict.ts";
import { LineRate } from "../../src/wasm/imports/line-rate.ts";
import { loadModule } from "../../src/wasm/load-module.ts";
import { findGoModules } from "../http-wasm/registry.ts";
import { sampleRequest } from "../support/neutral-events.ts";
import { silentLog } from "../support/silent-log.ts";
import { textTable } from "./report/text-table.ts";
import { median } from "./rounds.ts";

/** Each handler call takes at most as long as in the Go host. */
const MOST = 1;
const STRETCHES = 5;
const STRETCH_MS = 40;
const FOLDER = join(import.meta.dir, "../../dist/http-wasm/bench");

interface Benchmark {
  readonly name: string;
  readonly path: string;
  readonly method: string;
  readonly uri: string;
  readonly headers: HeaderMap;
  readonly body: string;
  /** The body is there when the handler is called; else it comes with an event of its own. */
  readonly isThere: boolean;
}

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    /** Measures this side alone and prints JSON. */
    here: { type: "boolean", default: false },
  },
});

if (values.here) await measureHere((await Bun.stdin.json()) as Benchmark[]);
else await compare(Number(values.rounds));

async function compare(rounds: number): Promise<void> {
  const modules = await findGoModules();
  if (typeof modules === "string") throw new Error(modules);
  const go = await buildGo();
  const benchmarks = benchmarksOf(modules.host);
  const here = [process.execPath, import.meta.path, "--here"];
  const figures: { readonly here: Map<string, number>; readonly go: Map<string, number> }[] = [];
  for (let round = 0; round < rounds; round++) {
    // Forth and back, so that neither side always runs behind the other.
    const first = round % 2 === 0 ? await run(here, benchmarks) : await run([go], benchmarks);
    const second = round % 2 === 0 ? await run([go], benchmarks) : await run(here, benchmarks);
    figures.push(round % 2 === 0 ? { here: first, go: second } : { here: second, go: first });
  }
  const rows = benchmarks.map(({ name, isThere }) => {
    const ratio = median(figures.map((round) => round.here.get(name)! / round.go.get(name)!))!;
    const ns = (side: "here" | "go") => median(figures.map((round) => round[side].get(name)!))!.toFixed(0);
    const isMet = ratio <= MOST || !isThere;
    return {
      isMet,
      row: [name, ns("here"), ns("go"), ratio.toFixed(2), isMet ? "" : "missed"],
    };
  });
  console.log(
    textTable({
      title: "handler calls of http-wasm guests",
      columns: ["guest", "here, ns", "wazero, ns", "ratio", ""],
      rows: rows.map(({ row }) => row),
    }),
  );
  if (rows.some(({ isMet }) => !isMet)) process.exitCode = 1;
}

function benchmarksOf(host: string): readonly Benchmark[] {
  const guest = (name: string) => join(host, "internal/test/testdata/bench", `${name}.wasm`);
  const example = (name: string) => join(host, "examples", `${name}.wasm`);
  const usual = { method: "GET", uri: "/v1.0/hi", headers: {}, body: "", isThere: true } as const;
  const later = { ...usual, method: "POST", body: "hello world", isThere: false } as const;
  const large = `${"a".repeat(2048)}${"b".repeat(2048)}`;
  const authorization = ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="];
  const some = { Accept: ["*/*"], "User-Agent": ["curl/8"], "X-Request-Id": ["1"], Cookie: ["a=b"] };
  return [
    { ...usual, name: "log", path: guest("log") },
    { ...usual, name: "get_uri", path: guest("get_uri") },
    { ...usual, name: "set_uri", path: guest("set_uri") },
    { ...usual, name: "get_header_names, none", path: guest("get_header_names") },
    { ...usual, name: "get_header_names", path: guest("get_header_names"), headers: some },
    {
      ...usual,
      name: "get_header_names, large",
      path: guest("get_header_names"),
      headers: { Data: [large] },
    },
    { ...usual, name: "get_header_values, there", path: guest("get_header_values"), headers: some },
    { ...usual, name: "get_header_values, absent", path: guest("get_header_values") },
    { ...usual, name: "set_header_value", path: guest("set_header_value") },
    { ...usual, name: "add_header_value", path: guest("add_header_value") },
    { ...usual, name: "remove_header", path: guest("remove_header") },
    { ...usual, name: "read_body", path: guest("read_body"), method: "POST", body: "hello world" },
    {
      ...usual,
      name: "read_body_stream",
      path: guest("read_body_stream"),
      method: "POST",
      body: "hello world",
    },
    {
      ...usual,
      name: "read_body_stream, large",
      path: guest("read_body_stream"),
      method: "POST",
      body: large,
    },
    { ...later, name: "read_body, later", path: guest("read_body") },
    { ...later, name: "read_body_stream, later", path: guest("read_body_stream") },
    { ...usual, name: "set_status_code", path: guest("set_status_code") },
    { ...usual, name: "write_body", path: guest("write_body") },
    {
      ...usual,
      name: "example auth, passes",
      path: example("auth"),
      headers: { Authorization: authorization },
    },
    { ...usual, name: "example router, answers", path: example("router"), uri: "/" },
    { ...usual, name: "example log, passes", path: example("log") },
  ];
}

/** One line of JSON for each. */
async function run(
  command: readonly string[],
  benchmarks: readonly Benchmark[],
): Promise<Map<string, number>> {
  const child = Bun.spawn([...command], {
    stdin: new Blob([JSON.stringify(benchmarks)]),
    stdout: "pipe",
    stderr: "inherit",
    timeout: 300_000,
  });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed`);
  const figures = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { readonly name: string; readonly ns: number });
  return new Map(figures.map(({ name, ns }) => [name, ns]));
}

async function buildGo(): Promise<string> {
  const binary = join(FOLDER, "bench");
  const env = { ...process.env, GOWORK: "off", GOFLAGS: "-mod=mod -buildvcs=false" };
  await Bun.write(join(FOLDER, "main.go"), Bun.file(join(import.meta.dir, "http-wasm/main.go")));
  const go = (...words: string[]) => {
    const { exitCode, stderr } = Bun.spawnSync(["go", ...words], { cwd: FOLDER, env });
    if (exitCode !== 0) throw new Error(`go ${words.join(" ")}: ${stderr}`);
  };
  if (!existsSync(join(FOLDER, "go.mod"))) go("mod", "init", "bench");
  go("get", "github.com/http-wasm/http-wasm-host-go@v0.7.0");
  go("build", "-o", binary, ".");
  return binary;
}

async function measureHere(benchmarks: readonly Benchmark[]): Promise<void> {
  for (const benchmark of benchmarks) {
    console.log(JSON.stringify({ name: benchmark.name, ns: await measure(benchmark) }));
  }
}

async function measure(benchmark: Benchmark): Promise<number> {
  const guest = await openGuest(benchmark.path);
  const { request, chunk } = eventsOf(benchmark);
  const callOnce = (): Promise<Verdict> | Verdict | undefined => {
    if (chunk === null || !benchmark.isThere) {
      const context = guest.open();
      context.call(request, 1000);
      const verdict = chunk === null ? undefined : context.call(chunk, 1000);
      context.end("finished", 1000);
      return verdict;
    }
    guest.runner.setTime(1000, 0);
    const phase = new RequestPhase(guest, request);
    phase.exchange.request.bodyReader.push(chunk.bytes);
    phase.exchange.request.bodyReader.end(false);
    return phase.onHeaders();
  };
  const call = async (count: number): Promise<number> => {
    const before = process.cpuUsage();
    for (let i = 0; i < count; i++) {
      const verdict = callOnce();
      if (verdict instanceof Promise) await verdict;
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  let count = 1000;
  while ((await call(count)) < STRETCH_MS) count *= 2;
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < STRETCHES; i++) best = Math.min(best, ((await call(count)) / count) * 1e6);
  return best;
}

async function openGuest(path: string): Promise<HttpWasmGuest> {
  const loaded = await loadModule(await Bun.file(path).bytes(), guestLimits(64 * 1024 * 1024));
  const factory = httpWasmAbi.prepare(loaded, {
    abi: "http-wasm",
    canonicalHeaderCase: false,
    httpWasm: { ...DEFAULT_HTTP_WASM, onUnsupported: "warn" },
  });
  if (!factory.isStateful) throw new Error("http-wasm guests are stateful");
  const guest = factory.instantiate({
    slot: 0,
    log: silentLog(),
    startTimeoutMs: 1000,
    isMuted: false,
    lineRate: new LineRate(),
    reportedFunctions: new Set(),
  });
  if (!(guest instanceof HttpWasmGuest)) throw new Error("the guest is of another ABI");
  return guest;
}

/** As the proxy sends them: names in lower case, with the host. */
function eventsOf({ method, uri, headers, body }: Benchmark): {
  readonly request: RequestHeadersEvent;
  readonly chunk: BodyEvent | null;
} {
  const lowerCase = Object.fromEntries(
    Object.entries(headers).map(([name, list]) => [name.toLowerCase(), list]),
  );
  const length: Record<string, string[]> = body === "" ? {} : { "content-length": [String(body.length)] };
  const request: RequestHeadersEvent = {
    ...sampleRequest({ uri, headers: { host: ["localhost"], ...length, ...lowerCase } }),
    method,
    bodyFollows: body !== "",
  };
  if (body === "") return { request, chunk: null };
  const bytes = Buffer.from(body);
  const chunk: BodyEvent = {
    kind: "request-body-chunk",
    correlationId: "id",
    bytes,
    isLast: true,
    chunkIndex: 0,
    totalBytes: bytes.length,
    bytesSoFar: bytes.length,
    context: { isTruncated: false, canReplace: false, mustKeepLength: true },
  };
  return { request, chunk };
}
