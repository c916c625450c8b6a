/**
 * The single list of what can be set when serving. One entry here and its field in Settings make an option: flags,
 * environment variables, checks and help follow from it.
 */

import { MAX_POOL_SIZE, type Settings } from "../agent/settings.ts";
import type { OptionTable } from "./option.ts";
import {
  byteSizeKind,
  choiceKind,
  eventsKind,
  fileModeKind,
  headerNamesKind,
  hostAndPortKind,
  integerKind,
  pathKind,
  switchKind,
} from "./value-kind.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const MAX_DURATION_MS = 3_600_000;

const MODULE = "Module";
const SOCKET = "Socket";
const LIMITS = "Limits on the module";
const EXCHANGES = "Exchanges: a request with all that follows it";
const VERDICTS = "Verdicts";
const OPERATION = "Operation";
const RECORDING = "Recording of events";
const LOGS = "Logs and life";

export const SERVE_OPTIONS: OptionTable<Settings> = {
  modulePath: {
    flag: "module",
    env: "WASM_MODULE",
    kind: pathKind(),
    fallback: { required: true },
    placeholder: "<file>",
    description: "The WebAssembly module that decides on every event.",
    group: MODULE,
  },
  configPath: {
    flag: "config",
    env: "WASM_CONFIG",
    kind: pathKind(),
    fallback: { describe: "none", choose: () => null },
    placeholder: "<file>",
    description:
      "JSON to configure the module with, until the proxy pushes a configuration. Read again with every reload.",
    group: MODULE,
  },
  poolSize: {
    flag: "pool-size",
    env: "WASM_POOL_SIZE",
    kind: integerKind({ min: 1, max: MAX_POOL_SIZE }),
    fallback: { value: 4 },
    placeholder: "<count>",
    description: `How many instances of the module are kept, 1 to ${MAX_POOL_SIZE}.`,
    group: MODULE,
  },
  isolation: {
    flag: "isolation",
    env: "WASM_ISOLATION",
    kind: choiceKind(["shared", "per-request"]),
    fallback: { value: "shared" },
    placeholder: "shared|per-request",
    description:
      "Whether one instance serves many requests, or each request gets one that nobody used before.",
    group: MODULE,
  },
  dispatch: {
    flag: "dispatch",
    env: "WASM_DISPATCH",
    kind: choiceKind(["auto", "inline", "workers"]),
    fallback: { value: "auto" },
    placeholder: "auto|inline|workers",
    description:
      "Where the module runs: on the socket's thread, in threads of its own, or as its measured cost suggests.",
    group: MODULE,
  },
  recycleAfterCalls: {
    flag: "recycle-after",
    env: "WASM_RECYCLE_AFTER",
    kind: integerKind({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    fallback: { value: 0 },
    placeholder: "<calls>",
    description: "Replace an instance after so many calls; 0 never does.",
    group: MODULE,
  },
  recycleMemoryBytes: {
    flag: "recycle-memory",
    env: "WASM_RECYCLE_MEMORY",
    kind: byteSizeKind({ min: 0, max: 4 * GIB }),
    fallback: { value: 0 },
    placeholder: "<size>",
    description: "Replace an instance whose memory has grown so large; 0 never does.",
    group: MODULE,
  },
  watch: {
    flag: "watch",
    env: "WASM_WATCH",
    kind: switchKind(),
    fallback: { value: false },
    description: "Reload the module when its file changes, as SIGHUP does.",
    group: MODULE,
  },
  socketPath: {
    flag: "socket",
    alsoKnownAs: ["socket-path", "grpc-address", "listen"],
    env: "AGENT_SOCKET",
    kind: pathKind(),
    fallback: { value: "/tmp/sentinel-wasm.sock" },
    placeholder: "<path>",
    description:
      "The Unix socket to listen on. A stale socket file there is replaced, anything else is left alone.",
    group: SOCKET,
  },
  socketMode: {
    flag: "socket-mode",
    env: "WASM_SOCKET_MODE",
    kind: fileModeKind(),
    fallback: { value: 0o660 },
    placeholder: "<octal>",
    description: "Permission bits of the socket file.",
    group: SOCKET,
  },
  takeover: {
    flag: "takeover",
    env: "WASM_TAKEOVER",
    kind: switchKind(),
    fallback: { value: false },
    description: "Take socket and connections over from a running agent instead of refusing to start.",
    group: SOCKET,
  },
  maxBufferedBytes: {
    flag: "max-buffered",
    env: "WASM_MAX_BUFFERED",
    kind: byteSizeKind({ min: 32 * MIB, max: 64 * GIB }),
    fallback: { value: 256 * MIB },
    placeholder: "<size>",
    description: "Unfinished frames and unread answers of all connections together, 32MiB to 64GiB.",
    group: SOCKET,
  },
  adminSocketPath: {
    flag: "admin-socket",
    env: "WASM_ADMIN_SOCKET",
    kind: pathKind(),
    fallback: { describe: "<socket>.admin", choose: () => null },
    placeholder: "<path>",
    description:
      "The Unix socket for metrics, health, status and changes, for this user alone; none opens none.",
    group: OPERATION,
  },
  adminAddress: {
    flag: "admin-address",
    env: "WASM_ADMIN_ADDRESS",
    kind: hostAndPortKind(),
    fallback: { describe: "none", choose: () => null },
    placeholder: "<host:port>",
    description: "Serve metrics, health and status over TCP as well; nothing can be changed there.",
    group: OPERATION,
  },
  metricsPath: {
    flag: "metrics-file",
    env: "WASM_METRICS_FILE",
    kind: pathKind(),
    fallback: { describe: "none", choose: () => null },
    placeholder: "<file>",
    description: "Write the metrics to this file every ten seconds, for collectors that read files.",
    group: OPERATION,
  },
  timeoutMs: {
    flag: "timeout-ms",
    env: "WASM_TIMEOUT_MS",
    kind: integerKind({ min: 1, max: MAX_DURATION_MS }),
    fallback: { value: 1000 },
    placeholder: "<ms>",
    description: "How long one event may take, waiting for an instance included.",
    group: LIMITS,
  },
  startTimeoutMs: {
    flag: "start-timeout-ms",
    env: "WASM_START_TIMEOUT_MS",
    kind: integerKind({ min: 1, max: MAX_DURATION_MS }),
    fallback: { value: 5000 },
    placeholder: "<ms>",
    description: "How long a new instance may take to start.",
    group: LIMITS,
  },
  maxMemoryBytes: {
    flag: "max-memory",
    env: "WASM_MAX_MEMORY",
    kind: byteSizeKind({ min: 64 * KIB, max: 4 * GIB }),
    fallback: { value: 64 * MIB },
    placeholder: "<size>",
    description:
      "Memory of one instance, 64KiB to 4GiB. Suffixes: KiB, MiB, GiB, KB, MB, GB; none means bytes.",
    group: LIMITS,
  },
  limits: {
    flag: "limits",
    env: "WASM_LIMITS",
    kind: switchKind(),
    fallback: { value: true },
    description: "Load the module as it is: neither timeouts nor the memory limit can be enforced then.",
    group: LIMITS,
  },
  events: {
    flag: "events",
    env: "WASM_EVENTS",
    kind: eventsKind(),
    fallback: { describe: "not known", choose: () => null },
    placeholder: "<names>",
    description:
      "What the proxy sends, as its agent block's events say, separated by commas: state of a request is then kept no longer than needed.",
    group: EXCHANGES,
  },
  exchangeTimeoutMs: {
    flag: "exchange-timeout-ms",
    env: "WASM_EXCHANGE_TIMEOUT_MS",
    kind: integerKind({ min: 1, max: MAX_DURATION_MS }),
    fallback: { value: 60_000 },
    placeholder: "<ms>",
    description: "How long the state of a request is kept after its last event.",
    group: EXCHANGES,
  },
  maxExchanges: {
    flag: "max-exchanges",
    env: "WASM_MAX_EXCHANGES",
    kind: integerKind({ min: 1, max: 1_000_000 }),
    fallback: { value: 16_384 },
    placeholder: "<count>",
    description: "How many requests may have state at a time; beyond it, the oldest loses its own.",
    group: EXCHANGES,
  },
  strictInspection: {
    flag: "strict-inspection",
    env: "WASM_STRICT_INSPECTION",
    kind: switchKind(),
    fallback: { value: false },
    description:
      "Refuse, with 403, requests whose bodies or WebSocket frames the module inspects, but which the proxy would not show to it.",
    group: EXCHANGES,
  },
  failOpen: {
    flag: "fail-open",
    env: "FAIL_OPEN",
    kind: switchKind(),
    fallback: { value: false },
    description: "Allow what the module fails to decide on. Otherwise it is blocked with status 500.",
    group: VERDICTS,
  },
  headerCase: {
    flag: "header-case",
    env: "WASM_HEADER_CASE",
    kind: choiceKind(["preserve", "canonical"]),
    fallback: { value: "preserve" },
    placeholder: "preserve|canonical",
    description: "Header names as the module sees them: as the proxy sends them, or like User-Agent.",
    group: VERDICTS,
  },
  redirectEncoding: {
    flag: "redirect-encoding",
    env: "WASM_REDIRECT_ENCODING",
    kind: choiceKind(["auto", "block", "redirect"]),
    fallback: { value: "auto" },
    placeholder: "auto|block|redirect",
    description:
      "How a redirect is told to the proxy: as a block with a Location header, as a redirect, or by the proxy's version.",
    group: VERDICTS,
  },
  ignoreProxyConfig: {
    flag: "ignore-proxy-config",
    env: "WASM_IGNORE_PROXY_CONFIG",
    kind: switchKind(),
    fallback: { value: false },
    description: "Acknowledge the configuration that the proxy pushes, but apply nothing of it.",
    group: VERDICTS,
  },
  recordPath: {
    flag: "record",
    env: "WASM_RECORD",
    kind: pathKind(),
    fallback: { describe: "none", choose: () => null },
    placeholder: "<file>",
    description: "Append every event and its verdict to this file, for the commands replay and call.",
    group: RECORDING,
  },
  recordRedact: {
    flag: "record-redact",
    env: "WASM_RECORD_REDACT",
    kind: headerNamesKind(),
    fallback: { value: ["authorization", "cookie", "set-cookie"] },
    placeholder: "<names>",
    description: "Headers whose values are not recorded, separated by commas; none records all of them.",
    group: RECORDING,
  },
  recordMaxBytes: {
    flag: "record-max",
    env: "WASM_RECORD_MAX",
    kind: byteSizeKind({ min: KIB, max: 1024 * GIB }),
    fallback: { value: 64 * MIB },
    placeholder: "<size>",
    description: "How large the file may grow before recording ends.",
    group: RECORDING,
  },
  logFormat: {
    flag: "log-format",
    env: "WASM_LOG_FORMAT",
    kind: choiceKind(["pretty", "json"]),
    fallback: {
      describe: "pretty on a terminal, json otherwise",
      choose: ({ stderrIsTerminal }) => (stderrIsTerminal ? "pretty" : "json"),
    },
    placeholder: "pretty|json",
    description: "Log lines on stderr: for people, or one JSON object a line.",
    group: LOGS,
  },
  verbose: {
    flag: "verbose",
    alias: "v",
    env: "WASM_VERBOSE",
    kind: switchKind(),
    fallback: { value: false },
    description: "Also log every event with the module's answer, the verdict and the time it took.",
    group: LOGS,
  },
  shutdownTimeoutMs: {
    flag: "shutdown-timeout-ms",
    env: "WASM_SHUTDOWN_TIMEOUT_MS",
    kind: integerKind({ min: 0, max: MAX_DURATION_MS }),
    fallback: { value: 10_000 },
    placeholder: "<ms>",
    description: "How long events in flight may take to finish after SIGTERM or SIGINT.",
    group: LOGS,
  },
};
