/**
 * A connection between two processes: what the next one needs besides the descriptor to go on with the next frame.
 */

import type { HandlerState, LostEvent } from "../frame-handler.ts";

export interface ConnectionState {
  /** Null before the first frame. */
  readonly handler: HandlerState | null;
  /** Bytes that were read from the peer and not handled: half a frame, or frames that had to wait. */
  readonly unhandled: Buffer;
  /** Bytes of answers that the peer has not taken yet. The first of them may be in the middle of a frame. */
  readonly unsent: Buffer;
  /** The peer sends no more, but still reads. */
  readonly peerHasEnded: boolean;
  /** What the process before did not live to answer. Absent where it had the time to. */
  readonly lostEvents?: readonly LostEvent[];
}

/** A connection that neither reads nor writes until somebody decides who goes on with it. */
export interface HeldConnection {
  /** Of the socket, which owns it. */
  readonly descriptor: number;
  readonly state: ConnectionState;
  /** False once the connection was closed: its descriptor may belong to something else by now. */
  readonly isOpen: boolean;
}
