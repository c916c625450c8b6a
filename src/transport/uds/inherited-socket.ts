/**
 * Socket activation (sd_listen_fds(3)): a listening socket that the service manager opened and passed on, so that a
 * restart refuses no connection.
 */

import { SocketError } from "../socket-error.ts";

const FIRST_FD = 3;

/**
 * The inherited listening socket, or null when none was passed to this process.
 *
 * @throws SocketError when several were passed: there is only one to serve on.
 */
export function inheritedListenFd(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): number | null {
  const count = Number(env["LISTEN_FDS"] ?? "0");
  if (env["LISTEN_PID"] !== String(pid) || !Number.isInteger(count) || count < 1) return null;
  if (count > 1) {
    throw new SocketError(
      "socket-inherited",
      `the service manager passed ${count} sockets; this agent serves one, so give its unit a single ListenStream`,
    );
  }
  return FIRST_FD;
}
