/**
 * Makes new instances cheap, for those who need many: `--isolation per-request`, or a small `--recycle-after`.
 *
 * The engine guards a memory with gigabytes of address space, so that hardware finds accesses out of bounds. Of such
 * memories it keeps eight, and from the fourth on every new one makes it collect all garbage, in the hope of an old one:
 * a millisecond, which is many times what the rest of an instance costs. A variable that the engine reads when its
 * process starts lets it keep more. So the process starts itself once more with the variable set: same process id, same
 * standard streams, nothing begun yet.
 */

import { ptr } from "bun:ffi";
import { openLibc } from "./libc.ts";

const VARIABLE = "BUN_JSC_maxNumWasmFastMemories";
/** Address space for half a terabyte. Half of them can be garbage, whose memory is freed by its size long before. */
const MOST_MEMORIES = "128";

/** From here on, instances are too rare to be felt. */
const FEW_CALLS = 1000;

const DESCRIPTOR_PATH = /^\/(?:dev|proc\/[^/]+)\/(?:fd\/|std)/;

/** What decides whether a second start pays; the serving agent's settings hold it. */
export interface StartTraits {
  readonly isolation: string;
  readonly recycleAfterCalls: number;
  readonly modulePath: string;
  readonly recordPath: string | null;
  readonly configPath: string | null;
}

const SIGHUP = 1;
const SIG_IGN = 1n;

type Environment = Readonly<Record<string, string | undefined>>;

export interface ProgramStart {
  readonly isExecutable: boolean;
  /** As the process calls itself. */
  readonly argv0: string;
  /** Options of the runtime itself. */
  readonly execArgv: readonly string[];
  /** Program, script, and the script's arguments. */
  readonly argv: readonly string[];
}

/**
 * Whether new instances are made so often that a second start of the process pays. What is read or written by a
 * descriptor's path would not survive it, so then there is none.
 */
export function wantsCheapInstances(settings: StartTraits): boolean {
  const { isolation, recycleAfterCalls, modulePath, recordPath, configPath } = settings;
  if ([modulePath, recordPath ?? "", configPath ?? ""].some((path) => DESCRIPTOR_PATH.test(path)))
    return false;
  return isolation === "per-request" || (recycleAfterCalls > 0 && recycleAfterCalls <= FEW_CALLS);
}

/**
 * Call it before anything is begun: it does not return when it restarts the process. It does return when the
 * variable is there already (also by the operator's choice, or by an earlier restart), and where the system cannot do
 * it: instances then cost more, and nothing else changes.
 *
 * @param hasPassedSocket the service manager passed a listening socket, which must stay open
 */
export function restartForCheapInstances(hasPassedSocket: boolean): void {
  if (process.env[VARIABLE] !== undefined) return;
  const commandLine = commandLineOf({
    isExecutable: Bun.isStandaloneExecutable,
    argv0: process.argv0,
    execArgv: process.execArgv,
    argv: process.argv,
  });
  const environment = { ...process.env, [VARIABLE]: MOST_MEMORIES };
  try {
    replaceKeepingDescriptors(process.execPath, commandLine, environment);
    // Where that is not possible: it closes all but the standard streams.
    if (!hasPassedSocket) process.execve?.(process.execPath, commandLine, environment);
  } catch {
    // Served all the same, as documented above.
  }
}

/** A compiled executable takes its arguments right away; the runtime needs its own options and the script first. */
export function commandLineOf({ isExecutable, argv0, execArgv, argv }: ProgramStart): string[] {
  return isExecutable ? [argv0, ...argv.slice(2)] : [argv0, ...execArgv, ...argv.slice(1)];
}

/** A listening socket that was passed on, as descriptor 3, stays open. */
function replaceKeepingDescriptors(
  path: string,
  commandLine: readonly string[],
  environment: Environment,
): void {
  const libc = openLibc();
  if (libc === null) return;
  const program = cStrings([path]);
  const argv = cStrings(commandLine);
  const envp = cStrings(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`])),
  );
  // Handlers do not survive it, what is ignored does: until the new program listens, a SIGHUP must not end it.
  const handler = libc.symbols.signal(SIGHUP, SIG_IGN);
  libc.symbols.execve(ptr(program.bytes), ptr(argv.pointers), ptr(envp.pointers));
  // Still here: the system refused.
  libc.symbols.signal(SIGHUP, handler);
  libc.close();
}

/** The texts, each with its zero byte, and the list of pointers to them that ends with a null. */
function cStrings(texts: readonly string[]): { readonly bytes: Buffer; readonly pointers: BigUint64Array } {
  const bytes = Buffer.from(texts.map((text) => `${text}\0`).join(""));
  const pointers = new BigUint64Array(texts.length + 1);
  let next = ptr(bytes);
  texts.forEach((text, i) => {
    pointers[i] = BigInt(next);
    next = (next + Buffer.byteLength(text) + 1) as typeof next;
  });
  return { bytes, pointers };
}
