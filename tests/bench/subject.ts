/**
 * What is measured: a program that listens on a Unix socket and answers events. It is started fresh for every
 * measurement, and only processes started here are ever stopped.
 */

import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SubjectSettings {
  /** Path of the guest module; programs without guests ignore it. */
  readonly module?: string;
  readonly poolSize?: number;
  /** Further flags, for our own agent only. */
  readonly flags?: readonly string[];
}

export interface Subject {
  readonly name: string;
  /** The command line to start it with; null: it already runs, at `socketPath`. */
  readonly command: ((socketPath: string, settings: SubjectSettings) => string[]) | null;
  readonly socketPath?: string;
}

export interface RunningSubject {
  readonly socketPath: string;
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

const READY_WITHIN_MS = 20_000;
const STOPPED_WITHIN_MS = 4_000;

/** Splits at spaces; quotes keep words together. */
function words(commandLine: string): string[] {
  const found = commandLine.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  return found.map((word) => word.replace(/^(["'])(.*)\1$/, "$2"));
}

/**
 * A subject from a command line. `{socket}`, `{module}` and `{pool}` are filled in; a command that names no
 * `{socket}` gets the agent's usual flags at its end.
 */
export function commandSubject(
  name: string,
  commandLine: string,
  { takesFlags = false }: { readonly takesFlags?: boolean } = {},
): Subject {
  const template = words(commandLine);
  return {
    name,
    command: (socketPath, { module = "", poolSize = 4, flags = [] }) => {
      const placeholders = commandLine.includes("{socket}");
      const usual = placeholders
        ? []
        : ["--socket", socketPath, "--module", module, "--pool-size", String(poolSize)];
      const filled = template.map((word) =>
        word
          .replaceAll("{socket}", socketPath)
          .replaceAll("{module}", module)
          .replaceAll("{pool}", String(poolSize)),
      );
      return [...filled, ...usual, ...(takesFlags ? flags : [])];
    },
  };
}

/** An agent that somebody else started; it gets no module, no flags and no restart. */
export function attachedSubject(name: string, socketPath: string): Subject {
  return { name, command: null, socketPath };
}

export async function accepts(socketPath: string): Promise<boolean> {
  try {
    const socket = await Bun.connect({ unix: socketPath, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

export function newSocketPath(): { socketPath: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "agent-bench-"));
  return {
    socketPath: join(folder, "agent.sock"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Starts a subject and waits until its socket takes connections. Its output goes to `<logFolder>/<name>.log`. */
export async function startSubject(
  subject: Subject,
  settings: SubjectSettings,
  { logFolder, cpus }: { readonly logFolder: string; readonly cpus?: string | undefined },
): Promise<RunningSubject> {
  if (subject.command === null) {
    return { socketPath: subject.socketPath ?? "", pid: undefined, stop: () => Promise.resolve() };
  }
  const { socketPath, remove } = newSocketPath();
  const command = subject.command(socketPath, settings);
  mkdirSync(logFolder, { recursive: true });
  const logPath = join(logFolder, `${subject.name.replaceAll(/[^\w.-]+/g, "-")}.log`);
  const log = openSync(logPath, "w");
  const child = Bun.spawn(cpus === undefined ? command : ["taskset", "-c", cpus, ...command], {
    stdin: "ignore",
    stdout: log,
    stderr: log,
  });
  closeSync(log);

  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    const stopped = await Promise.race([
      child.exited.then(() => true),
      Bun.sleep(STOPPED_WITHIN_MS).then(() => false),
    ]);
    if (!stopped) child.kill("SIGKILL");
    await child.exited;
    remove();
  };

  const giveUpAt = Date.now() + READY_WITHIN_MS;
  while (!(await accepts(socketPath))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > giveUpAt) {
      const reason =
        child.exitCode === null ? `is not ready after ${READY_WITHIN_MS} ms` : "ended before it was ready";
      await stop();
      const said = readFileSync(logPath, "utf8").trim().split("\n").slice(-6).join("\n  ");
      throw new Error(`${subject.name} ${reason}. Its last words:\n  ${said}`);
    }
    await Bun.sleep(5);
  }
  return { socketPath, pid: child.pid, stop };
}
