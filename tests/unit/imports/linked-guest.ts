/** A module linked with the real host imports, the way the loader does it. */

import wabtModule from "wabt";
import { JSON_IMPORTS } from "../../../src/abi/json/json-imports.ts";
import type { AbiImports } from "../../../src/wasm/imports/abi-imports.ts";
import { createHostImports, type ExtraImport } from "../../../src/wasm/imports/host-imports.ts";
import { GuestOutput } from "../../../src/wasm/imports/guest-output.ts";
import { ImportHost, type ImportHostOptions } from "../../../src/wasm/imports/import-host.ts";
import { RecordedLog } from "./recorded-log.ts";

type GuestCall = (...parameters: (number | bigint)[]) => number | bigint | undefined;

export interface LinkedGuest {
  readonly host: ImportHost;
  readonly log: RecordedLog;
  /** Function name -> how often the guest called it and was refused. */
  readonly refusals: ReadonlyMap<string, number>;
  readonly memory: WebAssembly.Memory;
  readonly data: DataView;
  call(name: string, ...parameters: (number | bigint)[]): number | bigint | undefined;
}

export interface LinkOptions extends Partial<ImportHostOptions> {
  /** By default what guests of the JSON ABI get. */
  readonly abi?: AbiImports;
  readonly extra?: readonly ExtraImport[];
}

const SLOT = 3;

export async function compileWat(wat: string): Promise<WebAssembly.Module> {
  const wabt = await wabtModule();
  const parsed = wabt.parseWat("guest.wat", wat, { exceptions: true });
  try {
    return new WebAssembly.Module(parsed.toBinary({}).buffer as Uint8Array<ArrayBuffer>);
  } finally {
    parsed.destroy();
  }
}

export function newHost(options: LinkOptions = {}): Pick<LinkedGuest, "host" | "log" | "refusals"> {
  const log = new RecordedLog();
  const output = new GuestOutput({ log, slot: SLOT });
  const refusals = new Map<string, number>();
  const onRefusal = (name: string) => refusals.set(name, (refusals.get(name) ?? 0) + 1);
  return { host: new ImportHost({ output, log, slot: SLOT, onRefusal, ...options }), log, refusals };
}

export function link(module: WebAssembly.Module, options: LinkOptions = {}): LinkedGuest {
  const { host, log, refusals } = newHost(options);
  const { abi = JSON_IMPORTS, extra } = options;
  const imports = createHostImports(WebAssembly.Module.imports(module), host, abi, extra);
  const { exports } = new WebAssembly.Instance(module, imports);
  const memory = exports["memory"] as WebAssembly.Memory;
  host.memory.attach(memory);
  return {
    host,
    log,
    refusals,
    memory,
    get data(): DataView {
      return new DataView(memory.buffer);
    },
    call: (name, ...parameters) => (exports[name] as GuestCall)(...parameters),
  };
}

export async function compileFixture(fileName: string): Promise<WebAssembly.Module> {
  const stored = await Bun.file(`${import.meta.dir}/fixtures/${fileName}`).bytes();
  return new WebAssembly.Module(fileName.endsWith(".gz") ? Bun.gunzipSync(stored) : stored);
}

/**
 * A guest that re-exports functions of one import module, so that a test calls them through real Wasm.
 *
 * @param functions import name -> its type, as in `(param i32 i32) (result i32)`
 */
export async function linkForwarder(
  importModule: string,
  functions: Readonly<Record<string, string>>,
  options: LinkOptions = {},
): Promise<LinkedGuest> {
  const names = Object.keys(functions);
  const lines = names.map(
    (name) => `(import "${importModule}" "${name}" (func $${name} ${functions[name]}))`,
  );
  lines.push('(memory (export "memory") 1 80)');
  for (const name of names) {
    const type = functions[name]!;
    const parameterCount = type.match(/\b[if](32|64)\b/g)!.length - (type.includes("result") ? 1 : 0);
    const gets = Array.from({ length: parameterCount }, (_, i) => `(local.get ${i})`).join(" ");
    lines.push(`(func (export "${name}") ${type} (call $${name} ${gets}))`);
  }
  return link(await compileWat(`(module ${lines.join("\n")})`), options);
}

/** Puts bytes into guest memory and an iovec for each range; returns how many. */
export function writeIovecs(
  guest: LinkedGuest,
  pointer: number,
  iovecs: readonly [number, number][],
): number {
  iovecs.forEach(([start, length], i) => {
    guest.data.setUint32(pointer + i * 8, start, true);
    guest.data.setUint32(pointer + i * 8 + 4, length, true);
  });
  return iovecs.length;
}

export function writeBytes(guest: LinkedGuest, pointer: number, bytes: string | Uint8Array): number {
  const encoded = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  new Uint8Array(guest.memory.buffer).set(encoded, pointer);
  return encoded.length;
}

/** What a call threw; fails when it returned. */
export function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (thrown) {
    return thrown;
  }
  throw new Error("the call returned");
}
