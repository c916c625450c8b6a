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
 * Whether the limited form of a module ended a call as the module itself does: in the same words, but for traps that
 * have two causes at once. An array too large for the engine may be stopped by the account of garbage-collected bytes
 * first, and of an address that is neither aligned nor in bounds the engine reports now this, now that.
 */
export function isSameOutcome(plain: string, limited = ""): boolean {
  return limited === plain || causes(plain).some((cause) => causes(limited).includes(cause));
}

const twofold: readonly (readonly [RegExp, string])[] = [
  [
    /^trap: (Failed to allocate new array|Out of bounds or failed to allocate in array\.new_\w+)/,
    "trap: Unreachable code should not be executed",
  ],
  [/^trap: Unaligned memory access/, "trap: Out of bounds memory access"],
];

/** The text, and the text with the other cause of its trap. */
function causes(text: string): string[] {
  return [
    text,
    ...twofold.filter(([trap]) => trap.test(text)).map(([trap, other]) => text.replace(trap, other)),
  ];
}

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

/** The engine adds the expression that made the call. */
function comparableMessage(error: Error): string {
  return error.message.replace(/ \(evaluating .*$/s, "");
}
