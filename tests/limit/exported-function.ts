/** The type of an exported function, which JavaScript cannot ask a module for; the tools write it beside each module. */

export type ValueKind =
  | "i32"
  | "i64"
  | "f32"
  | "f64"
  | "v128"
  | "externref"
  | "funcref"
  | "anyref"
  /** Takes any JavaScript value, but has a narrower type than externref or anyref. */
  | "anything"
  /** Takes small integers. */
  | "i31"
  /** Takes any exported function, but is not funcref. */
  | "function"
  /** Takes null alone, of what JavaScript can make. */
  | "null"
  /** Takes nothing that JavaScript can make. */
  | "none";

export interface ExportedFunction {
  readonly name: string;
  readonly params: readonly ValueKind[];
  readonly results: readonly ValueKind[];
}
