/** Failures of guest code in words that can be compared between two builds of one module. */

import { ModuleError } from "../../src/wasm/module-error.ts";

export type FailureKind =
  | "trap"
  | "exhaustion"
  | "exception"
  | "compile"
  | "link"
  | "module"
  | "conversion"
  | "other";

export interface GuestFailure {
  readonly kind: FailureKind;
  readonly text: string;
}

/** Exceptions that the guest threw itself carry no message; their kind is all there is to compare. */
export function guestFailure(error: unknown): GuestFailure {
  const kind = failureKind(error);
  const code = error instanceof ModuleError ? ` ${error.code}:` : "";
  return { kind, text: error instanceof Error ? `${kind}:${code} ${comparableMessage(error)}` : kind };
}

/**
 * Whether the limited form of a module failed, or did not, as the module itself does: in the same words, but for an
 * array that is too large for the engine, which the account of garbage-collected bytes may stop first.
 */
export function isSameOutcome(plain: string, limited: string | undefined): boolean {
  return (
    limited === plain ||
    limited === plain.replace(tooLargeArray, "trap: Unreachable code should not be executed")
  );
}

const tooLargeArray =
  /^trap: (Failed to allocate new array|Out of bounds or failed to allocate in array\.new_\w+)/;

function failureKind(error: unknown): FailureKind {
  if (error instanceof WebAssembly.RuntimeError) {
    return "trap";
  }
  if (error instanceof WebAssembly.CompileError) {
    return "compile";
  }
  if (error instanceof WebAssembly.LinkError) {
    return "link";
  }
  if (error instanceof ModuleError) {
    return "module";
  }
  if (error instanceof RangeError && error.message.startsWith("Maximum call stack size exceeded")) {
    return "exhaustion";
  }
  if (error instanceof TypeError) {
    return "conversion";
  }
  return error instanceof Error ? "other" : "exception";
}

/** The engine adds the calling expression and, to link errors, nothing; indices in a message differ by the rewrite. */
function comparableMessage(error: Error): string {
  return error.message.replace(/ \(evaluating .*$/s, "");
}
