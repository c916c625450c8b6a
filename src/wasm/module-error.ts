/**
 * A module that cannot be used, found before any request: at start, at reload, or by the `check` command.
 */

export type ModuleErrorCode =
  | "module-unreadable"
  | "module-not-wasm"
  | "module-bundle"
  | "module-data"
  | "module-invalid"
  | "module-unsupported-instruction"
  | "module-too-large"
  | "module-too-complex"
  | "module-missing-export"
  | "module-wrong-signature"
  | "module-missing-import"
  | "module-memory-too-large"
  | "module-start-failed"
  | "module-start-deadline";

export class ModuleError extends Error {
  override readonly name = "ModuleError";
  readonly code: ModuleErrorCode;

  constructor(code: ModuleErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}
