/**
 * The http-wasm plug-in beside its source, and a fresh build of it where `POLICY_FRESH_DIR` has one
 * (`bun examples/build.ts --check`).
 */

import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { documentedCommand } from "../../examples/documented-command.ts";
import { inShort, OpenHttpWasm } from "../support/http-wasm-exchange.ts";

const EXAMPLE = "http-wasm-rust";
const COMMITTED = join(import.meta.dir, "../../examples", EXAMPLE, "policy.wasm");
const fresh = join(process.env["POLICY_FRESH_DIR"] ?? "", EXAMPLE, "policy.wasm");

const modules = [
  { name: "the http-wasm-rust example", path: COMMITTED },
  ...(process.env["POLICY_FRESH_DIR"] !== undefined && existsSync(fresh)
    ? [{ name: "the http-wasm-rust example, freshly built", path: fresh }]
    : []),
];

const open = async (path: string, words = "") =>
  OpenHttpWasm.open(await Bun.file(path).bytes(), { configuration: new Uint8Array(Buffer.from(words)) });

describe.each(modules)("$name", ({ path }) => {
  test("is within its budget, and carries no folders of who built it", async () => {
    const bytes = await Bun.file(path).bytes();
    expect(bytes.length).toBeLessThan(40_000);
    expect(Buffer.from(bytes).toString("latin1")).not.toMatch(/\/(root|home|Users|tmp|work)\//);
  });

  test.each(["/admin", "/admin/users", "/admin?x=1"])(
    "answers %s itself without credentials",
    async (uri) => {
      const plugin = await open(path);
      expect(inShort(await plugin.exchange().request({ uri }))).toMatchObject({
        block: { status: 401, body: "Authentication required" },
        response: expect.arrayContaining(["set www-authenticate: Bearer"]),
      });
    },
  );

  test.each([
    ["/administrator", {}],
    ["/?/admin", {}],
    ["/admin", { authorization: ["Bearer x"] }],
  ])("lets %s through with %j, and says so to the upstream", async (uri, headers) => {
    const plugin = await open(path);
    expect(inShort(await plugin.exchange().request({ uri, headers }))).toEqual({
      request: ["set x-wasm-processed: true"],
    });
  });

  test("hides the configured words in the body of a response, and keeps its length", async () => {
    const exchange = (await open(path, "secret\n  key word \n\n")).exchange();
    const headers = { "accept-encoding": ["gzip"] };
    expect(inShort(await exchange.request({ headers, bodyFollows: false }))).toEqual({
      request: ["remove accept-encoding", "set x-wasm-processed: true"],
    });
    await exchange.response({ bodyFollows: true });
    expect(inShort(await exchange.responseBody("no secrets, no key words"))).toEqual({
      body: "no ******s, no ********s",
    });
  });

  test("leaves a body without these words as it is", async () => {
    const exchange = (await open(path, "secret")).exchange();
    await exchange.request();
    await exchange.response({ bodyFollows: true });
    expect(inShort(await exchange.responseBody("nothing, secre"))).toBe("allow");
  });

  test("wants no bodies without a configuration", async () => {
    const exchange = (await open(path)).exchange();
    await exchange.request();
    expect(inShort(await exchange.response({ bodyFollows: true }))).toBe("allow");
  });
});

test("examples/http-wasm-rust documents one build command, of one line, and pins its crate", async () => {
  expect(documentedCommand(EXAMPLE)).toMatch(/^\S.*$/);
  const manifest = await Bun.file(join(COMMITTED, "../Cargo.toml")).text();
  expect(manifest).toContain('http-wasm-guest = { version = "=1.2.0"');
});
