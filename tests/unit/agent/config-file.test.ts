import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { MAX_CONFIG_BYTES, readConfigFile } from "../../../src/agent/config-file.ts";
import { InputError } from "../../../src/event/input-error.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/temporary-folder.ts";

const AGAIN = { mayBePipe: false };
const ONCE = { mayBePipe: true };

let folder: TemporaryFolder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder[Symbol.dispose]());

function write(content: string | Uint8Array): string {
  const path = folder.file("config.json");
  writeFileSync(path, content);
  return path;
}

function codeOf(path: string, options = AGAIN): string {
  try {
    return `read: ${readConfigFile(path, options)}`;
  } catch (error) {
    return error instanceof InputError ? error.code : String(error);
  }
}

describe("the file of a configuration", () => {
  test("is read as JSON text in one line, of any kind of value", () => {
    expect(readConfigFile(write('\ufeff{\n  "mode": "strict",\n  "é": [1]\n}\n'), AGAIN)).toBe(
      '{"mode":"strict","é":[1]}',
    );
    expect(readConfigFile(write(" [1, 2] "), ONCE)).toBe("[1,2]");
  });

  test("that is not named is none", () => {
    expect(readConfigFile(null, AGAIN)).toBeNull();
  });

  test.each([
    ["no JSON", '{"mode"'],
    ["nothing", ""],
    ["no UTF-8", Buffer.of(0x22, 0xff, 0x22)],
    ["lists within lists without end", "[".repeat(2_000_000) + "]".repeat(2_000_000)],
  ])("with %s in it is refused", (_what, content) => {
    expect(codeOf(write(content))).toBe("configuration-not-json");
  });

  test("may be as large as what a proxy can push, and no larger", () => {
    const text = (bytes: number) => `"${"x".repeat(bytes - 2)}"`;
    expect(readConfigFile(write(text(MAX_CONFIG_BYTES)), AGAIN)).toHaveLength(MAX_CONFIG_BYTES);
    expect(codeOf(write(text(MAX_CONFIG_BYTES + 1)))).toBe("configuration-too-large");
  });

  test("must be there, and a file", () => {
    mkdirSync(folder.file("folder"));
    expect(codeOf(folder.file("none.json"))).toBe("configuration-unreadable");
    expect(codeOf(folder.file("folder"))).toBe("configuration-unreadable");
  });
});

// Windows has no such files, and this agent does not run there.
describe("what never ends", () => {
  test("is read as far as a configuration may be long, where it is read once", () => {
    expect(codeOf("/dev/zero", ONCE)).toBe("configuration-too-large");
  });

  test("is refused at once where it would be read again: a device, or a pipe that nobody writes to", () => {
    expect(codeOf("/dev/zero", AGAIN)).toBe("configuration-unreadable");
    Bun.spawnSync(["mkfifo", folder.file("pipe")]);
    expect(codeOf(folder.file("pipe"), AGAIN)).toBe("configuration-unreadable");
  });

  test("a pipe that ends is read where it is read once", () => {
    const module = new URL("../../../src/agent/config-file.ts", import.meta.url).pathname;
    const program = `import { readConfigFile } from ${JSON.stringify(module)};
      process.stdout.write(readConfigFile("/dev/stdin", { mayBePipe: true }));`;
    const { stdout } = Bun.spawnSync([process.execPath, "-e", program], { stdin: Buffer.from('{"a": 1}') });
    expect(stdout.toString()).toBe('{"a":1}');
  });
});
