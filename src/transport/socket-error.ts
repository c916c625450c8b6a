/** A socket path that cannot be listened on, found before anything is served. */

export type SocketErrorCode =
  | "socket-path-too-long"
  | "socket-folder-missing"
  | "socket-in-use"
  | "socket-not-a-socket"
  | "socket-permission"
  | "socket-inherited"
  | "socket-takeover-failed"
  | "socket-failed";

export class SocketError extends Error {
  override readonly name = "SocketError";
  readonly code: SocketErrorCode;

  constructor(code: SocketErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}
