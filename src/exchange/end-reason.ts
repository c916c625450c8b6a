/** Why the state of an exchange ended. */
export type EndReason =
  /** All events that can follow were seen, or the client was refused. */
  | "finished"
  /** A newer request has the same correlation id. */
  | "superseded"
  /** No event came for the time that an exchange is kept. */
  | "idle"
  /** There were too many exchanges, or they held too much. */
  | "evicted"
  /** The module was replaced, or the agent stops. */
  | "closed";
