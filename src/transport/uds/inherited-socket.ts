/**
 * Descriptors that the service manager passed to this process (sd_listen_fds_with_names(3)): listening sockets that it
 * opened, so that a restart refuses no connection, and what the service had stored with it before it ended.
 */

import { SocketError } from "../socket-error.ts";

/** The manager's descriptors begin here. */
const FIRST_FD = 3;
/** Names of what this service stores begin so; all others are listening sockets. */
export const STORED_PREFIX = "wasm-agent-";
/** The name of listening sockets for the admin endpoint; the other one is the agent's own. */
const ADMIN_NAME = "admin";

export interface PassedDescriptor {
  readonly name: string;
  readonly descriptor: number;
}

export interface PassedDescriptors {
  /** The listening socket for proxies; null when none was passed to this process. */
  readonly agent: number | null;
  /** Listening sockets for the admin endpoint. */
  readonly admin: readonly number[];
  /** What this service had stored. */
  readonly stored: readonly PassedDescriptor[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws SocketError when several sockets were passed for proxies: there is only one to serve on. */
export function passedDescriptors(env: Environment, pid: number): PassedDescriptors {
  const all = listDescriptors(env, pid);
  const stored = all.filter(({ name }) => name.startsWith(STORED_PREFIX));
  const admin = all.filter(({ name }) => name === ADMIN_NAME);
  const others = all.filter((one) => !stored.includes(one) && !admin.includes(one));
  if (others.length > 1) {
    throw new SocketError(
      "socket-inherited",
      `the service manager passed ${others.length} sockets; this agent serves one, so give its unit a single ListenStream, and sockets for the admin endpoint the name admin (FileDescriptorName=)`,
    );
  }
  return {
    agent: others[0]?.descriptor ?? null,
    admin: admin.map(({ descriptor }) => descriptor),
    stored,
  };
}

function listDescriptors(env: Environment, pid: number): readonly PassedDescriptor[] {
  const count = Number(env["LISTEN_FDS"] ?? "0");
  if (env["LISTEN_PID"] !== String(pid) || !Number.isInteger(count) || count < 1) return [];
  const names = (env["LISTEN_FDNAMES"] ?? "").split(":");
  return Array.from({ length: count }, (_, i) => ({ name: names[i] ?? "", descriptor: FIRST_FD + i }));
}
