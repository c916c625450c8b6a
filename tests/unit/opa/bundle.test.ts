import { describe, expect, test } from "bun:test";
import { unpackBundle } from "../../../src/abi/opa/policy-bundle.ts";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import { bundle, tar } from "../../opa/tar.ts";

const MODULE = "\0asm\x01\0\0\0";
const manifest = (...wasm: readonly unknown[]): string => JSON.stringify({ revision: "", roots: [""], wasm });
const ENTRY = { entrypoint: "a/b", module: "/policy.wasm" };

async function refusal(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  try {
    await unpackBundle(bytes);
  } catch (error) {
    if (error instanceof ModuleError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "no refusal";
}

describe("a bundle", () => {
  test("gives its module, its data and its entrypoints", async () => {
    const files = { "/data.json": '{"a":1}', "/policy.wasm": MODULE, "/.manifest": manifest(ENTRY) };
    const { moduleBytes, bundle: unpacked } = await unpackBundle(bundle(files));
    expect(Buffer.from(moduleBytes).toString("latin1")).toBe(MODULE);
    expect(unpacked).toEqual({ dataJson: '{"a":1}', entrypoints: ["a/b"] });
  });

  test("may lack data and manifest, and may have its names without a slash", async () => {
    for (const name of ["policy.wasm", "./policy.wasm", "/policy.wasm"]) {
      expect((await unpackBundle(bundle({ [name]: MODULE }))).bundle).toEqual({
        dataJson: null,
        entrypoints: [],
      });
    }
  });

  test("names of files mean nothing to the file system", async () => {
    const files = { "../../etc/passwd": "x", "/policy.wasm": MODULE };
    expect((await unpackBundle(bundle(files))).moduleBytes).toHaveLength(MODULE.length);
  });

  test("anything that is not gzipped is a bare module", async () => {
    const bytes = new Uint8Array(Buffer.from(MODULE, "latin1"));
    expect(await unpackBundle(bytes)).toEqual({ moduleBytes: bytes, bundle: null });
  });
});

describe("a bundle is refused", () => {
  const whole = bundle({ "/policy.wasm": MODULE, "/.manifest": manifest(ENTRY) });
  const gzip = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Bun.gzipSync(Buffer.from(text)));

  test.each([
    ["whose gzip is cut", whole.slice(0, whole.length - 20), "no whole gzip file"],
    [
      "whose gzip is damaged",
      whole.map((byte, i) => (i > 20 && i < 40 ? byte ^ 0xff : byte)),
      "no whole gzip file",
    ],
    ["that is gzip of something else", gzip("hello".repeat(1000)), "no tar archive"],
    ["that is empty", gzip(""), "no tar archive"],
    ["whose tar is empty", new Uint8Array(Bun.gzipSync(tar({}))), "no tar archive, or an empty one"],
    ["without a module", bundle({ "/data.json": "{}" }), "it has no policy.wasm"],
    [
      "whose manifest is no JSON",
      bundle({ "/policy.wasm": MODULE, "/.manifest": "{" }),
      ".manifest is not JSON",
    ],
    [
      "whose manifest is no object",
      bundle({ "/policy.wasm": MODULE, "/.manifest": "[]" }),
      "no object with a list",
    ],
    [
      "whose manifest lists no objects",
      bundle({ "/policy.wasm": MODULE, "/.manifest": manifest(1) }),
      "is no object",
    ],
    [
      "whose manifest names no module",
      bundle({ "/policy.wasm": MODULE, "/.manifest": manifest({ entrypoint: "a" }) }),
      "without entrypoint or module",
    ],
    [
      "with two modules in its manifest",
      bundle({
        "/policy.wasm": MODULE,
        "/.manifest": manifest(ENTRY, { entrypoint: "c", module: "/other.wasm" }),
      }),
      "several modules (policy.wasm, other.wasm)",
    ],
    ["with two modules and no manifest", bundle({ "/a.wasm": MODULE, "/b.wasm": MODULE }), "several modules"],
    [
      "whose data is no object",
      bundle({ "/policy.wasm": MODULE, "/data.json": "[1]" }),
      "data.json is no JSON object",
    ],
    [
      "with data in folders",
      bundle({ "/policy.wasm": MODULE, "/a/data.json": "{}" }),
      "a/data.json beside data.json",
    ],
    ["with a file twice", bundle({ "/policy.wasm": MODULE, "policy.wasm": MODULE }), '"policy.wasm" twice'],
  ])("%s", async (_, bytes, reason) => {
    expect(await refusal(new Uint8Array(bytes))).toMatch(/^module-bundle: the bundle cannot be used: /);
    expect(await refusal(new Uint8Array(bytes))).toContain(reason);
  });

  test("that unpacks to more than anybody needs, before that is in memory", async () => {
    const zeros = new Uint8Array(Bun.gzipSync(new Uint8Array(300 * 1024 * 1024)));
    const before = process.memoryUsage.rss();
    expect(await refusal(zeros)).toContain("it unpacks to more than 268435456 bytes");
    expect(process.memoryUsage.rss() - before).toBeLessThan(600 * 1024 * 1024);
  });
});
