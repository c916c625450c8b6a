/** A payload that is not the event its type promises. The framing is intact, so the connection lives on. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly code = "event-undecodable";
}
