/**
 * Bundles of OPA (https://www.openpolicyagent.org/docs/management-bundles): a gzipped tar archive with `policy.wasm`, its
 * data and a manifest, as `opa build -t wasm` writes it. Everything in it is read in memory, so no path of it reaches the
 * file system. Signatures are not verified: a bundle is as trusted as any module that the operator names.
 */

import { ModuleError } from "../../wasm/module-error.ts";
import type { PolicyBundle } from "./opa-options.ts";
import { isDataDocument } from "./policy-data.ts";

export interface UnpackedModule {
  readonly moduleBytes: Uint8Array<ArrayBuffer>;
  /** Null for a bare module. */
  readonly bundle: PolicyBundle | null;
}

const GZIP_MAGIC = [0x1f, 0x8b];
const MAX_UNPACKED_BYTES = 256 * 1024 * 1024;
const MAX_FILES = 10_000;
const MODULE_FILE = "policy.wasm";
const DATA_FILE = "data.json";
const MANIFEST_FILE = ".manifest";

/** Anything that is not gzipped is a bare module. @throws ModuleError `module-bundle` */
export async function unpackBundle(bytes: Uint8Array<ArrayBuffer>): Promise<UnpackedModule> {
  if (!GZIP_MAGIC.every((byte, i) => bytes[i] === byte)) return { moduleBytes: bytes, bundle: null };
  const files = await readArchive(await gunzip(bytes));
  const manifest = readManifest(await textOf(files, MANIFEST_FILE));
  const path = modulePath(manifest.modules, files);
  const module = files.get(path);
  if (module === undefined) {
    throw bundleError(`it has no ${path}; build it with opa build -t wasm -e path/of/rule`);
  }
  const nested = [...files.keys()].find((name) => /\/data\.(?:json|ya?ml)$/.test(name));
  if (nested !== undefined) {
    throw bundleError(`it has ${nested} beside ${DATA_FILE}; opa build merges all data into one file`);
  }
  const dataJson = await textOf(files, DATA_FILE);
  if (dataJson !== null && !isDataDocument(dataJson)) throw bundleError(`${DATA_FILE} is no JSON object`);
  return {
    moduleBytes: new Uint8Array(await module.arrayBuffer()),
    bundle: { dataJson, entrypoints: manifest.entrypoints },
  };
}

async function gunzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    const unzipped = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    for await (const chunk of unzipped) {
      size += chunk.length;
      if (size > MAX_UNPACKED_BYTES) throw bundleError(`it unpacks to more than ${MAX_UNPACKED_BYTES} bytes`);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof ModuleError) throw cause;
    throw bundleError("it is no whole gzip file", cause);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

type Files = ReadonlyMap<string, Blob>;

async function readArchive(tar: Uint8Array<ArrayBuffer>): Promise<Files> {
  const files = new Map<string, Blob>();
  try {
    for (const [path, file] of await new Bun.Archive(tar).files()) {
      const name = path.replace(/^(?:\.?\/)+/, "");
      if (files.has(name)) throw bundleError(`it has the file ${JSON.stringify(name)} twice`);
      files.set(name, file);
      if (files.size > MAX_FILES) throw bundleError(`it has more than ${MAX_FILES} files`);
    }
  } catch (cause) {
    if (cause instanceof ModuleError) throw cause;
    throw bundleError("what is gzipped is no tar archive", cause);
  }
  if (files.size === 0) throw bundleError("what is gzipped is no tar archive, or an empty one");
  return files;
}

async function textOf(files: Files, name: string): Promise<string | null> {
  const file = files.get(name);
  return file === undefined ? null : await file.text();
}

interface Manifest {
  readonly entrypoints: readonly string[];
  /** Paths of modules, each once. */
  readonly modules: readonly string[];
}

function readManifest(text: string | null): Manifest {
  if (text === null) return { entrypoints: [], modules: [] };
  let manifest: unknown;
  try {
    manifest = JSON.parse(text);
  } catch (cause) {
    throw bundleError(`${MANIFEST_FILE} is not JSON`, cause);
  }
  const listed: unknown = isObject(manifest) ? (manifest["wasm"] ?? []) : null;
  if (!Array.isArray(listed)) throw bundleError(`${MANIFEST_FILE} is no object with a list \`wasm\``);
  const entrypoints = new Set<string>();
  const modules = new Set<string>();
  for (const resolver of listed as readonly unknown[]) {
    if (!isObject(resolver)) throw bundleError(`${MANIFEST_FILE} has an entry of \`wasm\` that is no object`);
    const { entrypoint, module } = resolver;
    if (typeof entrypoint !== "string" || typeof module !== "string") {
      throw bundleError(`${MANIFEST_FILE} has an entry of \`wasm\` without entrypoint or module`);
    }
    entrypoints.add(entrypoint);
    modules.add(module.replace(/^\/+/, ""));
  }
  return { entrypoints: [...entrypoints], modules: [...modules] };
}

function modulePath(ofManifest: readonly string[], files: Files): string {
  const modules =
    ofManifest.length > 0 ? ofManifest : [...files.keys()].filter((name) => name.endsWith(".wasm"));
  if (modules.length > 1) {
    throw bundleError(`it has several modules (${modules.slice(0, 10).join(", ")}); this agent takes one`);
  }
  return modules[0] ?? MODULE_FILE;
}

function bundleError(reason: string, cause?: unknown): ModuleError {
  return new ModuleError("module-bundle", `the bundle cannot be used: ${reason}`, { cause });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
