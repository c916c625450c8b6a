/**
 * Header operations: what a guest wants changed on a request or a response. They apply in list order.
 */

export type HeaderOp =
  /** Replaces every value of the name. */
  | { readonly op: "set"; readonly name: string; readonly value: string }
  /** Appends one more value. */
  | { readonly op: "add"; readonly name: string; readonly value: string }
  | { readonly op: "remove"; readonly name: string };

export const NO_HEADER_OPS: readonly HeaderOp[] = Object.freeze([]);
