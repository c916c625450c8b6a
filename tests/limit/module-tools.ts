/**
 * Runs the Rust programs in `tools/`, which make modules for these tests. They are needed to make more modules or
 * to renew the archives, never to run the tests.
 */

import type { ComparedModule } from "./differential.ts";

export interface RandomModule extends ComparedModule {
  readonly number: number;
  readonly recipe: string;
}

const toolsFolder = new URL("tools/", import.meta.url).pathname;

export function hasRustToolchain(): boolean {
  return Bun.which("cargo") !== null;
}

export async function buildTools(): Promise<void> {
  await run(["cargo", "build", "--release", "--locked", "--quiet"]);
}

/** The test suite's files, `<group>/<name>`, written into `folder`. */
export async function writeSpecSuite(folder: string): Promise<void> {
  await run([...cargoRun("spec-suite"), folder]);
}

export async function randomModules(first: number, count: number): Promise<RandomModule[]> {
  const output = await run([...cargoRun("random-modules"), String(first), String(count)]);
  const view = new DataView(output);
  const modules: RandomModule[] = [];
  let offset = 0;
  const block = (): Uint8Array<ArrayBuffer> => {
    const length = view.getUint32(offset, true);
    offset += 4 + length;
    return new Uint8Array(output.slice(offset - length, offset));
  };
  while (offset < output.byteLength) {
    const description: Omit<RandomModule, "bytes"> = JSON.parse(new TextDecoder().decode(block()));
    modules.push({ ...description, bytes: block() });
  }
  return modules;
}

/** What a validator with all proposals says, which also looks at code that is never reached. */
export async function isStrictlyValid(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const output = await run(cargoRun("strict-validator"), bytes);
  return new TextDecoder().decode(output) === "valid\n";
}

function cargoRun(program: string): string[] {
  return ["cargo", "run", "--release", "--locked", "--quiet", "--bin", program, "--"];
}

async function run(command: string[], input?: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const child = Bun.spawn(command, {
    cwd: toolsFolder,
    stdin: input ?? "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = await new Response(child.stdout).arrayBuffer();
  const code = await child.exited;
  if (code !== 0) {
    throw new Error(`${command.join(" ")} ended with code ${code}`);
  }
  return output;
}
