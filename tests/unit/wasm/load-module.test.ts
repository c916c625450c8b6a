import { describe, expect, test } from "bun:test";
import { loadModule, readModuleFile } from "../../../src/wasm/load-module.ts";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import { guestPath } from "../../guests/guest-path.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

async function errorOf(loading: Promise<unknown>): Promise<ModuleError> {
  try {
    await loading;
  } catch (error) {
    if (error instanceof ModuleError) return error;
    throw error;
  }
  throw new Error("the module was loaded");
}

const bytesOf = (guest: Parameters<typeof guestPath>[0]) => Bun.file(guestPath(guest)).bytes();

test("a module is described by its own bytes, also when it is rewritten", async () => {
  const bytes = await bytesOf("allow");
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  const limits = {
    maxMemoryBytes: 64 * 1024 * 1024,
    maxTableEntries: 1000,
    fuelPerSlice: 1000,
  };
  for (const options of [null, limits]) {
    const loaded = await loadModule(bytes, options);
    expect(loaded.sha256).toBe(sha256);
    expect(loaded.sizeBytes).toBe(bytes.length);
    expect([...loaded.exportTypes.keys()]).toContain("on_request_headers");
    expect(loaded.limited === null).toBe(options === null);
  }
});

describe("bytes that are no module", () => {
  test.each([
    [
      "nothing",
      "",
      "the file is not a WebAssembly binary (it does not start with \\0asm); build the module to .wasm first",
    ],
    [
      "text",
      "(module)",
      "the file is not a WebAssembly binary (it does not start with \\0asm); build the module to .wasm first",
    ],
    [
      "a component",
      "\0asm\x0d\0\x01\0",
      "the file is a WebAssembly component; this agent runs core modules, so build for wasm32-unknown-unknown or wasm32-wasip1",
    ],
    ["another version", "\0asm\x02\0\0\0", "the file is not version 1 of the WebAssembly binary format"],
  ])("%s", async (_what, text, message) => {
    const error = await errorOf(loadModule(new Uint8Array(Buffer.from(text, "latin1")), null));
    expect(error.code).toBe("module-not-wasm");
    expect(error.message).toBe(message);
  });

  test("a module that does not validate says why", async () => {
    const bytes = await bytesOf("allow");
    // The last byte of the code section's last body closes it.
    const damaged = bytes.map((byte, at) => (byte === 0x0b && at > bytes.length / 2 ? 0x1a : byte));
    const error = await errorOf(loadModule(damaged, null));
    expect(error.code).toBe("module-invalid");
  });
});

describe("files that cannot be read", () => {
  test("one that is not there", async () => {
    using folder = temporaryFolder();
    const path = folder.file("none.wasm");
    const error = await errorOf(readModuleFile(path));
    expect(error.code).toBe("module-unreadable");
    expect(error.message).toBe(`cannot read the module ${path}: there is no such file; check the path`);
  });

  test("a pipe, which nobody may ever write to", async () => {
    using folder = temporaryFolder();
    const path = folder.file("pipe.wasm");
    expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
    const error = await errorOf(readModuleFile(path));
    expect(error.code).toBe("module-unreadable");
    expect(error.message).toBe(
      `cannot read the module ${path}: it is not a regular file; give the .wasm file`,
    );
  });

  test("a folder", async () => {
    using folder = temporaryFolder();
    const error = await errorOf(readModuleFile(folder.path));
    expect(error.message).toBe(
      `cannot read the module ${folder.path}: it is a folder; give the .wasm file in it`,
    );
  });
});
