/**
 * Descriptors that the service manager passed to this process (sd_listen_fds(3)): the listening socket that it opened, so
 * that a restart refuses no connection, and what the service had stored with it before it ended.
 */

import { SocketError } from "../socket-error.ts";

/** The manager's descriptors begin here. */
const FIRST_FD = 3;
/** Names of what this service stores begin so; all others are listening sockets. */
export const STORED_PREFIX = "wasm-agent-";

export interface PassedDescriptor {
  readonly name: string;
  readonly descriptor: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The inherited listening socket, or null when none was passed to this process.
 *
 * @throws SocketError when several were passed: there is only one to serve on.
 */
export function inheritedListenFd(env: Environment, pid: number): number | null {
  const listening = passedDescriptors(env, pid).filter(({ name }) => !name.startsWith(STORED_PREFIX));
  if (listening.length > 1) {
    throw new SocketError(
      "socket-inherited",
      `the service manager passed ${listening.length} sockets; this agent serves one, so give its unit a single ListenStream`,
    );
  }
  return listening[0]?.descriptor ?? null;
}

/** What this service had stored. */
export function storedDescriptors(env: Environment, pid: number): readonly PassedDescriptor[] {
  return passedDescriptors(env, pid).filter(({ name }) => name.startsWith(STORED_PREFIX));
}

function passedDescriptors(env: Environment, pid: number): readonly PassedDescriptor[] {
  const count = Number(env["LISTEN_FDS"] ?? "0");
  if (env["LISTEN_PID"] !== String(pid) || !Number.isInteger(count) || count < 1) return [];
  const names = (env["LISTEN_FDNAMES"] ?? "").split(":");
  return Array.from({ length: count }, (_, i) => ({ name: names[i] ?? "", descriptor: FIRST_FD + i }));
}
