/**
 * Bytes that are not a frame, or a frame nobody could read. The connection they came from cannot be trusted to be in
 * step any more and is closed.
 */

export const FRAME_ERROR_CODES = [
  "frame-empty",
  "frame-too-large",
  "frame-unknown-protocol",
  "frame-stalled",
  "frame-over-budget",
] as const;

export type FrameErrorCode = (typeof FRAME_ERROR_CODES)[number];

export class FrameError extends Error {
  override readonly name = "FrameError";
  readonly code: FrameErrorCode;

  constructor(code: FrameErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
