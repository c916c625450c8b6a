/**
 * From a request to the admin endpoint to its answer. Over TCP, where anybody may ask who reaches the port, requests look
 * and change nothing, and see nothing of single events.
 */

import { chooseFormat } from "../metrics/choose-format.ts";
import { ADMIN_LOG_LEVELS, type AdminLogLevel, type AdminTarget } from "./admin-target.ts";
import { namesAddress } from "./host-header.ts";
import type { RequestHead } from "./http-head.ts";
import { type HttpAnswer, type HttpResponse, jsonResponse, textResponse } from "./http-response.ts";
import { readTailFilter } from "./tail-query.ts";

type Answer = HttpAnswer | Promise<HttpAnswer>;

interface Route {
  readonly methods: Readonly<Partial<Record<"GET" | "POST", (request: RequestHead) => Answer>>>;
  readonly isRemote: boolean;
}

const MAX_PROFILE_SECONDS = 60;
const DEFAULT_PROFILE_SECONDS = 10;

export class AdminRoutes {
  readonly #target: AdminTarget;
  readonly #routes: ReadonlyMap<string, Route>;

  constructor(target: AdminTarget) {
    this.#target = target;
    const live = { methods: { GET: () => textResponse(200, "ok") }, isRemote: true };
    this.#routes = new Map<string, Route>([
      ["/metrics", { methods: { GET: (request) => this.#metrics(request) }, isRemote: true }],
      ["/livez", live],
      ["/healthz", live],
      ["/readyz", { methods: { GET: (request) => this.#readiness(request) }, isRemote: true }],
      ["/status", { methods: { GET: () => jsonResponse(200, target.status()) }, isRemote: true }],
      ["/tail", { methods: { GET: (request) => this.#tail(request) }, isRemote: false }],
      ["/reload", { methods: { POST: () => this.#reload() }, isRemote: false }],
      [
        "/log-level",
        {
          methods: {
            GET: () => textResponse(200, target.logLevel),
            POST: (request) => this.#setLogLevel(request),
          },
          isRemote: false,
        },
      ],
      ["/profile", { methods: { POST: (request) => this.#profile(request) }, isRemote: false }],
    ]);
  }

  answer(request: RequestHead, isRemote: boolean): Answer {
    if (isRemote && !namesAddress(request.headers.get("host") ?? "")) {
      return textResponse(421, "the Host header names no address; ask by the address, or by localhost");
    }
    const route = this.#routes.get(request.path);
    if (route === undefined || (isRemote && !route.isRemote)) return this.#unknownPath(isRemote);
    const method = request.method === "HEAD" ? "GET" : request.method;
    const handle = method === "GET" || method === "POST" ? route.methods[method] : undefined;
    if (handle !== undefined) return handle(request);
    const allowed = Object.keys(route.methods).flatMap((name) => (name === "GET" ? ["GET", "HEAD"] : [name]));
    return textResponse(405, `${request.path} takes ${allowed.join(", ")}`, { Allow: allowed.join(", ") });
  }

  #unknownPath(isRemote: boolean): HttpResponse {
    const paths = [...this.#routes].filter(([, route]) => route.isRemote || !isRemote).map(([path]) => path);
    return textResponse(404, `there are: ${paths.join(", ")}`);
  }

  #metrics({ headers }: RequestHead): HttpResponse {
    const format = chooseFormat(headers.get("accept") ?? null);
    const body = format.write(this.#target.collectMetrics());
    return { status: 200, contentType: format.contentType, body };
  }

  #readiness({ query }: RequestHead): HttpResponse {
    const checks = this.#target.readinessChecks();
    const bad = checks.filter(({ isGood }) => !isGood);
    const status = bad.length === 0 ? 200 : 503;
    const summary = bad.length === 0 ? "ready" : `not ready: ${bad.map(({ name }) => name).join(", ")}`;
    if (!query.has("verbose")) return textResponse(status, summary);
    const lines = checks.map(({ name, isGood, fact }) => `[${isGood ? "+" : "-"}] ${name}: ${fact}`);
    return textResponse(status, [...lines, summary].join("\n"));
  }

  async #reload(): Promise<HttpResponse> {
    const result = await this.#target.reload();
    if (result === null) return textResponse(503, "the agent does not serve at this moment");
    if (result.isGood) return jsonResponse(200, { result: "success", sha256: result.sha256 });
    return jsonResponse(422, { result: "failure", code: result.code, problem: result.problem });
  }

  #setLogLevel({ query }: RequestHead): HttpResponse {
    const level = query.get("level") ?? "";
    if (!isLogLevel(level)) return textResponse(400, `level must be ${ADMIN_LOG_LEVELS.join(" or ")}`);
    this.#target.logLevel = level;
    return textResponse(200, level);
  }

  async #profile({ query }: RequestHead): Promise<HttpResponse> {
    const seconds = Number(query.get("seconds") ?? DEFAULT_PROFILE_SECONDS);
    if (!(seconds > 0 && seconds <= MAX_PROFILE_SECONDS)) {
      return textResponse(400, `seconds must be a number up to ${MAX_PROFILE_SECONDS}`);
    }
    const profile = await this.#target.profile(seconds);
    if (profile === null) return textResponse(409, "another profile is being taken");
    return { status: 200, contentType: "application/json", body: profile };
  }

  #tail({ query }: RequestHead): HttpAnswer {
    const filter = readTailFilter(query);
    if (typeof filter === "string") return textResponse(400, filter);
    return {
      status: 200,
      contentType: "application/x-ndjson",
      start: (write) => this.#target.tail(filter, write),
    };
  }
}

function isLogLevel(level: string): level is AdminLogLevel {
  return (ADMIN_LOG_LEVELS as readonly string[]).includes(level);
}
