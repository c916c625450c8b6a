/** A running agent could not be asked, or refused; the message says what to do. */
export class OperateError extends Error {
  override readonly name = "OperateError";
  readonly code: "agent-unreachable" | "agent-refused";

  constructor(code: OperateError["code"], message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}
