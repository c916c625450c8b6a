/** What can be asked of the admin endpoint, where, and what comes back. */

import { describe, expect, test } from "bun:test";
import { AdminRoutes } from "../../../../src/telemetry/admin/admin-routes.ts";
import type {
  AdminLogLevel,
  AdminTarget,
  ReloadResult,
} from "../../../../src/telemetry/admin/admin-target.ts";
import type { RequestHead } from "../../../../src/telemetry/admin/http-head.ts";
import { type HttpResponse, isStream } from "../../../../src/telemetry/admin/http-response.ts";
import type { TailFilter } from "../../../../src/telemetry/event-tail.ts";
import { METRICS } from "../../../../src/telemetry/metrics/catalogue.ts";
import { MetricsPage } from "../../../../src/telemetry/metrics/metrics-page.ts";

class FakeTarget implements AdminTarget {
  isReady = true;
  logLevel: AdminLogLevel = "info";
  reloadResult: ReloadResult | null = { isGood: true, sha256: "ab" };
  profileText: string | null = "{}";
  readonly calls: string[] = [];
  filter: TailFilter | null = null;

  collectMetrics(): MetricsPage {
    const page = new MetricsPage();
    page.add(METRICS.ready, [], 1);
    return page;
  }

  readinessChecks() {
    return [
      { name: "module", isGood: true, fact: "loaded" },
      { name: "instance", isGood: this.isReady, fact: "there" },
    ];
  }

  status(): object {
    return { version: "1" };
  }

  reload(): Promise<ReloadResult> | null {
    this.calls.push("reload");
    return this.reloadResult === null ? null : Promise.resolve(this.reloadResult);
  }

  profile(seconds: number): Promise<string> | null {
    this.calls.push(`profile ${seconds}`);
    return this.profileText === null ? null : Promise.resolve(this.profileText);
  }

  tail(filter: TailFilter): () => void {
    this.filter = filter;
    return () => {};
  }
}

interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly isRemote?: boolean;
}

async function ask(target: AdminTarget, asked: Asked): Promise<HttpResponse> {
  const head: RequestHead = {
    method: asked.method ?? "GET",
    path: asked.path,
    query: new URLSearchParams(asked.query ?? ""),
    headers: new Map(Object.entries({ host: "127.0.0.1:1", ...asked.headers })),
  };
  const answer = await new AdminRoutes(target).answer(head, asked.isRemote ?? false);
  if (isStream(answer)) throw new Error("a stream");
  return answer;
}

test("metrics come in the format that was asked for", async () => {
  const target = new FakeTarget();
  expect((await ask(target, { path: "/metrics" })).contentType).toStartWith("text/plain; version=0.0.4");
  const open = await ask(target, { path: "/metrics", headers: { accept: "application/openmetrics-text" } });
  expect(open.contentType).toStartWith("application/openmetrics-text; version=1.0.0");
  expect(open.body).toEndWith("# EOF\n");
});

describe("readiness", () => {
  test("is 200 while all checks are good, and 503 with their names otherwise", async () => {
    const target = new FakeTarget();
    expect(await ask(target, { path: "/readyz" })).toMatchObject({ status: 200, body: "ready\n" });
    target.isReady = false;
    expect(await ask(target, { path: "/readyz" })).toMatchObject({
      status: 503,
      body: "not ready: instance\n",
    });
  });

  test("lists the checks when asked", async () => {
    const target = new FakeTarget();
    target.isReady = false;
    expect((await ask(target, { path: "/readyz", query: "verbose" })).body).toBe(
      "[+] module: loaded\n[-] instance: there\nnot ready: instance\n",
    );
  });
});

test("whoever gets an answer knows that it lives", async () => {
  for (const path of ["/livez", "/healthz"]) {
    expect(await ask(new FakeTarget(), { path })).toMatchObject({ status: 200, body: "ok\n" });
  }
});

describe("a reload", () => {
  test("answers with the module that serves", async () => {
    const { status, body } = await ask(new FakeTarget(), { method: "POST", path: "/reload" });
    expect([status, JSON.parse(body)]).toEqual([200, { result: "success", sha256: "ab" }]);
  });

  test("answers with the reason when the module cannot be used", async () => {
    const target = new FakeTarget();
    target.reloadResult = { isGood: false, code: "module-not-wasm", problem: "it is text" };
    const { status, body } = await ask(target, { method: "POST", path: "/reload" });
    expect([status, JSON.parse(body)]).toEqual([
      422,
      { result: "failure", code: "module-not-wasm", problem: "it is text" },
    ]);
  });

  test("is not possible while the agent does not serve", async () => {
    const target = new FakeTarget();
    target.reloadResult = null;
    expect((await ask(target, { method: "POST", path: "/reload" })).status).toBe(503);
  });
});

describe("the log level", () => {
  test("is told and changed", async () => {
    const target = new FakeTarget();
    expect((await ask(target, { path: "/log-level" })).body).toBe("info\n");
    expect((await ask(target, { method: "POST", path: "/log-level", query: "level=debug" })).status).toBe(
      200,
    );
    expect(target.logLevel).toBe("debug");
  });

  test.each(["", "level=", "level=loud", "level=DEBUG"])("is not changed by %p", async (query) => {
    const target = new FakeTarget();
    expect((await ask(target, { method: "POST", path: "/log-level", query })).status).toBe(400);
    expect(target.logLevel).toBe("info");
  });
});

describe("a profile", () => {
  test("takes ten seconds, or as long as was asked for", async () => {
    const target = new FakeTarget();
    await ask(target, { method: "POST", path: "/profile" });
    await ask(target, { method: "POST", path: "/profile", query: "seconds=0.5" });
    expect(target.calls).toEqual(["profile 10", "profile 0.5"]);
  });

  test.each(["seconds=0", "seconds=-1", "seconds=61", "seconds=x", "seconds=NaN", "seconds=Infinity"])(
    "is not taken for %s",
    async (query) => {
      const target = new FakeTarget();
      expect((await ask(target, { method: "POST", path: "/profile", query })).status).toBe(400);
      expect(target.calls).toEqual([]);
    },
  );

  test("waits for no other one", async () => {
    const target = new FakeTarget();
    target.profileText = null;
    expect((await ask(target, { method: "POST", path: "/profile" })).status).toBe(409);
  });
});

test("a method that a path does not take is refused with those that it does", async () => {
  expect(await ask(new FakeTarget(), { method: "DELETE", path: "/metrics" })).toMatchObject({
    status: 405,
    headers: { Allow: "GET, HEAD" },
  });
  expect(await ask(new FakeTarget(), { path: "/reload" })).toMatchObject({
    status: 405,
    headers: { Allow: "POST" },
  });
});

describe("over TCP", () => {
  test.each(["/metrics", "/livez", "/healthz", "/readyz", "/status"])("%s can be asked", async (path) => {
    expect((await ask(new FakeTarget(), { path, isRemote: true })).status).toBe(200);
    expect((await ask(new FakeTarget(), { method: "HEAD", path, isRemote: true })).status).toBe(200);
  });

  test.each(["/reload", "/log-level", "/profile", "/tail"])(
    "%s is not there, whatever the method",
    async (path) => {
      const target = new FakeTarget();
      for (const method of ["GET", "POST"]) {
        expect((await ask(target, { method, path, isRemote: true })).status).toBe(404);
      }
      expect([target.calls, target.logLevel, target.filter]).toEqual([[], "info", null]);
    },
  );

  test.each(["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])("%s is refused", async (method) => {
    expect((await ask(new FakeTarget(), { method, path: "/metrics", isRemote: true })).status).toBe(405);
  });

  test("a Host that is no address is refused", async () => {
    for (const host of ["evil.example", "", "evil.example:9464"]) {
      const asked = { path: "/metrics", isRemote: true, headers: { host } };
      expect((await ask(new FakeTarget(), asked)).status).toBe(421);
    }
  });

  test("no answer allows another origin to read it", async () => {
    const { headers = {} } = await ask(new FakeTarget(), {
      path: "/metrics",
      isRemote: true,
      headers: { origin: "http://127.0.0.1" },
    });
    expect(Object.keys(headers)).toEqual([]);
  });
});

describe("the filter of a tail", () => {
  test("is read from the query", async () => {
    const target = new FakeTarget();
    const head: RequestHead = {
      method: "GET",
      path: "/tail",
      query: new URLSearchParams("decision=block&tag=bot&path=/a&code=guest-trap&rate=7"),
      headers: new Map(),
    };
    const answer = await new AdminRoutes(target).answer(head, false);
    if (!isStream(answer)) throw new Error("no stream");
    answer.start(
      () => true,
      () => {},
    );
    expect(target.filter).toEqual({
      decision: "block",
      tag: "bot",
      path: "/a",
      code: "guest-trap",
      linesPerSecond: 7,
    });
  });

  test.each(["decision=deny", "rate=0", "rate=1001", "rate=x"])("is refused with %s", async (query) => {
    expect((await ask(new FakeTarget(), { path: "/tail", query })).status).toBe(400);
  });
});
