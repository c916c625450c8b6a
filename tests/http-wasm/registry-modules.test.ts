/**
 * Modules that others made do in the agent what they do in their own hosts: those of the Go host and of TinyGo's SDK,
 * prebuilt in their Go modules, and the examples of the crate http-wasm-guest.
 */

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createServer, type IncomingHttpHeaders, request, type Server } from "node:http";
import { join } from "node:path";
import { ServingAgent } from "../support/serving-agent.ts";
import { HttpFront, portOf, type RequestBodyMode } from "./http-front.ts";
import { buildRustExamples, findGoModules } from "./registry.ts";

setDefaultTimeout(300_000);

const EVENTS = ["--events", "request_headers,request_body,response_headers,response_body"];
const WARN = ["--on-unsupported", "warn"];

const modules = await findGoModules();
const missing = typeof modules === "string" ? modules : null;
const rust = await buildRustExamples();
const missingRust = typeof rust === "string" ? rust : null;

/** What the upstream got, which is also what it answers with. */
interface Echo {
  readonly method: string;
  readonly uri: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const upstream = await startUpstream();
afterAll(() => upstream.close());

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

class Opened implements AsyncDisposable {
  readonly agent: ServingAgent;
  readonly front: HttpFront;

  constructor(agent: ServingAgent, front: HttpFront) {
    this.agent = agent;
    this.front = front;
  }

  /** What the guest logged or printed. */
  get lines(): readonly string[] {
    return this.agent.log.lines
      .filter(({ message }) => message === "guest output")
      .map(({ level, fields }) => `${level} ${fields["text"]}`);
  }

  ask(
    path = "/",
    options: {
      readonly method?: string;
      readonly headers?: Record<string, string>;
      readonly body?: string;
      readonly isChunked?: boolean;
    } = {},
  ): Promise<Answer> {
    const { method = "GET", headers = {}, body = "", isChunked = false } = options;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const framing =
      body === ""
        ? {}
        : isChunked
          ? { "transfer-encoding": "chunked" }
          : { "content-length": String(body.length) };
    const asked = request(
      `${this.front.url}${path}`,
      { method, headers: { ...headers, ...framing }, agent: false },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (piece: string) => {
          text += piece;
        });
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
      },
    );
    asked.on("error", reject);
    asked.end(body === "" ? undefined : body);
    return promise;
  }

  async echo(...asked: Parameters<Opened["ask"]>): Promise<Echo> {
    const answer = await this.ask(...asked);
    if (answer.status !== 200) throw new Error(`the request did not go on: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body) as Echo;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.front[Symbol.asyncDispose]();
    await this.agent[Symbol.asyncDispose]();
  }
}

interface OpenOptions {
  readonly flags?: readonly string[];
  readonly mode?: RequestBodyMode;
  readonly configuration?: string;
}

async function open(path: string, { flags = [], mode, configuration }: OpenOptions = {}): Promise<Opened> {
  const config = configuration === undefined ? [] : ["--config", await configFile(configuration)];
  const agent = await ServingAgent.start(await Bun.file(path).bytes(), [...EVENTS, ...config, ...flags]);
  return new Opened(agent, await HttpFront.start(agent.settings.socketPath, portOf(upstream), mode));
}

async function configFile(content: string): Promise<string> {
  const path = join(import.meta.dir, "../../dist/http-wasm/config");
  await Bun.write(path, content);
  return path;
}

async function startUpstream(): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    let body = "";
    incoming.setEncoding("utf8");
    incoming.on("data", (piece: string) => {
      body += piece;
    });
    incoming.on("end", () => {
      const { method = "", url: uri = "", headers } = incoming;
      outgoing.writeHead(200, { "content-type": "application/json", server: "echo" });
      outgoing.end(JSON.stringify({ method, uri, headers, body } satisfies Echo));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

const titled = (title: string, lack: string | null) => (lack === null ? title : `${title}: ${lack}`);

describe.skipIf(missing !== null)(titled("modules of the Go host", missing), () => {
  const example = (name: string) => join((modules as { host: string }).host, `examples/${name}.wasm`);
  const testdata = (name: string) =>
    join((modules as { host: string }).host, `internal/test/testdata/${name}.wasm`);

  test("auth asks for a password and takes the right one alone", async () => {
    await using opened = await open(example("auth"));
    expect(await opened.ask()).toMatchObject({
      status: 401,
      body: "",
      headers: { "www-authenticate": 'Basic realm="test"' },
    });
    for (const authorization of ["", "Basic wrong", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZT=="]) {
      const answer = await opened.ask("/", { headers: { authorization } });
      expect(answer.status).toBe(401);
      expect(answer.headers["www-authenticate"]).toBeUndefined();
    }
    const echo = await opened.echo("/x", {
      headers: { authorization: "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" },
    });
    expect(echo.uri).toBe("/x");
  });

  test("router answers, and forwards what is for the host", async () => {
    await using opened = await open(example("router"), { flags: WARN });
    expect(await opened.ask("/")).toMatchObject({
      status: 200,
      body: "hello world",
      headers: { "content-type": "text/plain" },
    });
    expect((await opened.echo("/host/a")).uri).toBe("/a");
  });

  test("router's new path fails the request by default, since no proxy carries it", async () => {
    await using opened = await open(example("router"));
    expect(await opened.ask("/host/a")).toMatchObject({ status: 500, body: "Wasm Error" });
    expect(await opened.ask("/")).toMatchObject({ status: 200, body: "hello world" });
  });

  test("config reads in its start section which features it needs", async () => {
    for (const features of [0, 1, 3]) {
      await using opened = await open(example("config"), {
        configuration: `${String.fromCharCode(features)}\0\0\0\0\0\0\0`,
      });
      expect((await opened.echo()).method).toBe("GET");
    }
    for (const configuration of ["\x04\0\0\0\0\0\0\0", "short"]) {
      await expect(open(example("config"), { configuration })).rejects.toThrow("the start section");
    }
  });

  test("redact replaces the secret in both bodies", async () => {
    await using opened = await open(example("redact"), { mode: "stream", configuration: "open sesame" });
    const echo = await opened.echo("/", { method: "POST", body: "say open sesame now" });
    expect(echo.body).toBe("say ########### now");
    const answer = await opened.ask("/?open%20sesame", { headers: { "x-said": "open sesame" } });
    expect(answer.body).not.toContain("open sesame");
    expect(answer.body).toContain('"x-said":"###########"');
  });

  test("log says hello", async () => {
    await using opened = await open(example("log"));
    await opened.echo();
    expect(opened.lines).toEqual(["info hello world"]);
  });

  test("wasi prints request and response, and changes neither", async () => {
    await using opened = await open(example("wasi"));
    const echo = await opened.echo("/v1.0/hi?name=panda", {
      method: "POST",
      body: '{"hello": "panda"}',
      headers: { "content-type": "application/json" },
    });
    expect(echo).toMatchObject({ method: "POST", uri: "/v1.0/hi?name=panda", body: '{"hello": "panda"}' });
    expect(opened.lines).toContain("info POST /v1.0/hi?name=panda HTTP/1.1");
    expect(opened.lines).toContain('info {"hello": "panda"}');
    expect(opened.lines).toContain("info HTTP/1.1 200");
    expect(opened.lines.some((line) => line.startsWith('info {"method":"POST"'))).toBe(true);
  });

  test("protocol_version answers with it", async () => {
    await using opened = await open(testdata("e2e/protocol_version"));
    expect(await opened.ask()).toMatchObject({ status: 200, body: "HTTP/1.1" });
  });

  test("method changes it, and puts the one before into the body", async () => {
    await using opened = await open(testdata("e2e/method"), { mode: "stream", flags: WARN });
    const echo = await opened.echo("/", { method: "PUT", body: "-", isChunked: true });
    expect(echo).toMatchObject({ method: "POST", body: "PUT" });
  });

  test("uri changes it, and puts the one before into the body", async () => {
    await using opened = await open(testdata("e2e/uri"), { mode: "stream", flags: WARN });
    const echo = await opened.echo("/v1.0/hi?name=panda", { method: "POST", body: "-", isChunked: true });
    expect(echo).toMatchObject({ uri: "/v1.0/hello?name=teddy", body: "/v1.0/hi?name=panda" });
  });

  test("handle_response gets the number of its own request, also of several at a time", async () => {
    await using opened = await open(testdata("e2e/handle_response"));
    for (let i = 0; i < 3; i++) await opened.echo();
    const echoes = await Promise.all(Array.from({ length: 8 }, (_, i) => opened.echo(`/${i}`)));
    expect(echoes.map(({ uri }) => uri)).toEqual(Array.from({ length: 8 }, (_, i) => `/${i}`));
  });

  test("header_names and header_value read and set", async () => {
    await using names = await open(testdata("e2e/header_names"));
    expect((await names.echo("/", { headers: { a: "1", b: "2" } })).headers).toMatchObject({
      a: "1",
      b: "2",
    });
    await using value = await open(testdata("e2e/header_value"));
    expect((await value.echo()).headers["content-type"]).toBe("text/plain");
  });

  test("panic_on_start is not loaded", async () => {
    await expect(open(testdata("error/panic_on_start"))).rejects.toThrow("the module failed in _start");
  });

  test.each(["panic_on_handle_request", "panic_on_handle_response", "set_request_header_after_next"])(
    "%s fails its request, and the client learns nothing of why",
    async (name) => {
      await using opened = await open(testdata(`error/${name}`));
      for (let i = 0; i < 3; i++) {
        const answer = await opened.ask();
        expect(answer).toMatchObject({ status: 500, body: "Wasm Error" });
      }
      const code = name === "set_request_header_after_next" ? "guest-host-call" : "guest-trap";
      expect(opened.agent.log.lines.filter(({ level }) => level === "error")).toContainEqual(
        expect.objectContaining({ fields: expect.objectContaining({ code }) as unknown }),
      );
    },
  );
});

describe.skipIf(missing !== null)(titled("modules of TinyGo's SDK", missing), () => {
  const module = (name: string) => join((modules as { tinygo: string }).tinygo, `${name}/main.wasm`);
  const testdata = (name: string) => module(`internal/test/testdata/${name}`);
  const bench = (name: string) => testdata(`bench/tinygo/${name}`);

  test("router answers, and forwards what is for the host", async () => {
    await using opened = await open(module("examples/router"), { flags: WARN });
    expect(await opened.ask("/")).toMatchObject({
      status: 200,
      body: "hello",
      headers: { "content-type": "text/plain" },
    });
    expect((await opened.echo("/host/a")).uri).toBe("/a");
  });

  test("router keeps its memory where it was after many requests", async () => {
    await using opened = await open(module("examples/router"), {
      flags: ["--pool-size", "1", "--recycle-memory", "129KiB"],
    });
    for (let i = 0; i < 300; i++) expect((await opened.ask("/")).status).toBe(200);
  });

  test("wasi prints request and response", async () => {
    await using opened = await open(module("examples/wasi"));
    const echo = await opened.echo("/", { method: "POST", body: "hello" });
    expect(echo.body).toBe("hello");
    expect(opened.lines).toContain("info POST / HTTP/1.1");
    expect(opened.lines).toContain("info hello");
    expect(opened.lines).toContain("info HTTP/1.1 200");
  });

  test("log logs before and after", async () => {
    await using opened = await open(testdata("e2e/tinygo/log"));
    await opened.ask();
    expect(opened.lines).toEqual(["info before", "info after"]);
  });

  test("handle_response puts its number into the response", async () => {
    await using opened = await open(testdata("e2e/tinygo/handle_response"));
    expect(await opened.ask()).toMatchObject({ status: 200, body: "43" });
  });

  test("features says which ones it got", async () => {
    await using opened = await open(testdata("e2e/tinygo/features"));
    expect(await opened.ask()).toMatchObject({ status: 200, body: "buffer_request|buffer_response" });
  });

  test("read_body takes a body that fits into its buffer, and traps for others", async () => {
    await using opened = await open(bench("read_body"));
    for (const size of [1, 2047]) {
      expect((await opened.ask("/", { method: "POST", body: "a".repeat(size) })).status).toBe(200);
    }
    for (const size of [0, 2049]) {
      expect((await opened.ask("/", { method: "POST", body: "a".repeat(size) })).status).toBe(500);
    }
  });

  test.each([
    ["add_header_value", { status: 200, headers: { "set-cookie": ["a=b"] } }],
    ["set_header_value", { status: 200, headers: { "content-type": "text/plain" } }],
    ["set_status_code", { status: 404 }],
    ["write_body", { status: 200, body: "hello world" }],
    ["get_header_names", { status: 200, body: "" }],
    ["get_header_values", { status: 200, body: "" }],
    ["get_uri", { status: 200, body: "" }],
    ["set_uri", { status: 200, body: "" }],
    ["remove_header", { status: 200, body: "" }],
    ["stream_body", { status: 200, body: "" }],
    ["read_body_stream", { status: 200, body: "" }],
    ["log", { status: 200, body: "" }],
  ])("%s answers", async (name, expected) => {
    await using opened = await open(bench(name));
    expect(await opened.ask("/", { method: "POST", body: "a".repeat(5000) })).toMatchObject(expected);
    expect(opened.lines).toEqual(name === "log" ? ["info hello world"] : []);
  });
});

describe.skipIf(missingRust !== null)(titled("examples of the crate http-wasm-guest", missingRust), () => {
  test("header sets one for the upstream", async () => {
    await using opened = await open((rust as { header: string }).header);
    expect((await opened.echo()).headers["x-custom-header"]).toBe("FooBar");
  });

  test("info logs what it sees, and the request passes", async () => {
    await using opened = await open((rust as { info: string }).info);
    const echo = await opened.echo("/x?y=1", { method: "POST", body: "hello", headers: { accept: "a/b" } });
    expect(echo).toMatchObject({ method: "POST", uri: "/x?y=1", body: "hello" });
    const log = opened.lines.join("\n");
    for (const word of ['b"POST"', 'b"/x?y=1"', 'b"accept"', "Status: 200"]) expect(log).toContain(word);
  });
});
