/**
 * Something the operator wrote that cannot be understood. The message is one plain sentence; command-line prints it and
 * ends with the usage exit code.
 */

export type OptionsErrorCode =
  | "command-unknown"
  | "argument-unexpected"
  | "option-unknown"
  | "option-repeated"
  | "option-value-missing"
  | "option-value-unexpected"
  | "option-invalid"
  | "option-required"
  | "operand-required";

export class OptionsError extends Error {
  override readonly name = "OptionsError";
  readonly code: OptionsErrorCode;

  constructor(code: OptionsErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
