/**
 * Complete configurations for the proxies of both eras (docs/agent-protocol.md 15), as their parsers really take them.
 * The defaults are those that README shows; tests put their own addresses and paths in.
 */

/** Sentinel speaks protocol v1 and needs a proxy of before February 2026; Zentinel speaks v2. */
export type ProxyEra = "sentinel" | "zentinel";

export type AgentEvent =
  | "request_headers"
  | "request_body"
  | "response_headers"
  | "response_body"
  | "websocket_frame";

export type BodyMode = "buffer" | "stream" | "hybrid:10" | "inspect-first";

export interface ProxyConfig {
  readonly era: ProxyEra;
  /** `host:port` that the proxy listens on. */
  readonly listen?: string;
  /** `host:port` of the server behind the proxy. */
  readonly upstream?: string;
  /** Path of the agent's Unix socket. */
  readonly socketPath?: string;
  /** What the agent is asked about. A v1 proxy takes `response_headers`, but never sends that event. */
  readonly events?: readonly AgentEvent[];
  /** How request bodies come; `buffer`, unless given. */
  readonly bodyMode?: BodyMode;
  /** Content types whose bodies are sent, where the proxy wants a `waf` block for that; all, unless given. */
  readonly bodyTypes?: readonly string[];
  /** The route takes WebSocket upgrades; `inspected` shows their frames to the agent. */
  readonly websocket?: "passed" | "inspected";
  /** How long the proxy waits for one answer. */
  readonly timeoutMs?: number;
  /** What the proxy does when the agent cannot be asked. */
  readonly failureMode?: "open" | "closed";
  /** When the proxy stops asking an agent that fails, and for how long; its own defaults are 5 and 30. */
  readonly circuitBreaker?: { readonly failureThreshold: number; readonly timeoutSeconds: number };
  /** The `config` block, which the proxy hands to the agent; none is written when it is left out. */
  readonly agentConfig?: Readonly<Record<string, string | number | boolean>>;
}

const EVENTS_SENT: Readonly<Record<ProxyEra, readonly AgentEvent[]>> = {
  sentinel: ["request_headers"],
  zentinel: ["request_headers", "response_headers"],
};

/** The first block got its present name on 2026-01-02; the old one is taken by all parsers, today with a warning. */
const SYSTEM_BLOCK: Readonly<Record<ProxyEra, string>> = { sentinel: "server", zentinel: "system" };

export function proxyConfig(config: ProxyConfig): string {
  const { era, listen = "127.0.0.1:8080", upstream = "127.0.0.1:9000" } = config;
  return `${SYSTEM_BLOCK[era]} {
    worker-threads 2
}
${wafBlock(config.bodyTypes)}listeners {
    listener "http" {
        address ${kdlString(listen)}
        protocol "http"
    }
}
upstreams {
    upstream "backend" {
        target ${kdlString(upstream)}
    }
}
agents {
    agent "wasm" type="custom" {
${agentLines(config)}
    }
}
filters {
    filter "wasm-filter" {
        type "agent"
        agent "wasm"
        failure-mode "${config.failureMode ?? "closed"}"
    }
}
routes {
    route "all" {
        matches {
            path-prefix "/"
        }
        upstream "backend"
        filters "wasm-filter"
${routeLines(config)}    }
}
`;
}

function wafBlock(types: readonly string[] | undefined): string {
  if (types === undefined) return "";
  const listed = types.map(kdlString).join(" ");
  return `waf {
    mode "off"
    body-inspection {
        inspect-request-body #true
        content-types ${listed}
    }
}
`;
}

function routeLines({ era, bodyTypes, websocket }: ProxyConfig): string {
  return [
    ...(era === "sentinel" && bodyTypes !== undefined ? ["waf-enabled #true"] : []),
    ...(websocket === undefined ? [] : ["websocket #true"]),
    ...(websocket === "inspected" ? ["websocket-inspection #true"] : []),
  ]
    .map((line) => `        ${line}\n`)
    .join("");
}

function agentLines(config: ProxyConfig): string {
  const events = (config.events ?? EVENTS_SENT[config.era]).map((event) => `"${event}"`).join(" ");
  const lines = [
    `unix-socket ${kdlString(config.socketPath ?? "/tmp/sentinel-wasm.sock")}`,
    `events ${events}`,
    `timeout-ms ${config.timeoutMs ?? 1500}`,
    ...(config.bodyMode === undefined ? [] : [`request-body-mode "${config.bodyMode}"`]),
  ];
  const breaker = config.circuitBreaker;
  if (breaker !== undefined) {
    lines.push(
      ...block("circuit-breaker", {
        "failure-threshold": breaker.failureThreshold,
        "timeout-seconds": breaker.timeoutSeconds,
      }),
    );
  }
  if (config.agentConfig !== undefined) lines.push(...block("config", config.agentConfig));
  return lines.map((line) => `        ${line}`).join("\n");
}

function block(name: string, values: Readonly<Record<string, string | number | boolean>>): readonly string[] {
  const entries = Object.entries(values).map(([key, value]) => `    ${key} ${kdlValue(value)}`);
  return [`${name} {`, ...entries, "}"];
}

/** Booleans are spelled as in KDL 2. */
function kdlValue(value: string | number | boolean): string {
  if (typeof value === "boolean") return value ? "#true" : "#false";
  return typeof value === "number" ? String(value) : kdlString(value);
}

function kdlString(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `"${escaped}"`;
}
