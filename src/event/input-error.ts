/**
 * Something a module's author handed over that cannot be used: an event, a recording, a folder. The message is one plain
 * sentence that says what was expected.
 */

export type InputErrorCode =
  | "event-unreadable"
  | "event-not-json"
  | "event-shape"
  | "configuration-unreadable"
  | "configuration-too-large"
  | "configuration-not-json"
  | "configuration-refused"
  | "recording-unreadable"
  | "recording-unwritable"
  | "recording-line"
  | "recording-empty"
  | "decision-log-unwritable"
  | "output-unwritable"
  | "folder-not-empty"
  | "folder-unwritable";

export class InputError extends Error {
  override readonly name = "InputError";
  readonly code: InputErrorCode;

  constructor(code: InputErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}

/** Why the system refused a file, in words. */
export function systemReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
      return "there is no such file or folder";
    case "EACCES":
    case "EPERM":
      return "permission denied";
    case "EISDIR":
      return "it is a folder";
    case "ENOTDIR":
      return "a part of its path is no folder";
    case "ENXIO":
      return "nobody reads from this pipe";
    case "ENOSPC":
      return "the disk is full";
    default:
      return message;
  }
}
