/**
 * The border between sockets and protocols. A connection feeds frames to a handler and gives it an outbox; neither
 * knows the other's kind.
 */

/** Where a protocol puts its answers. Frames leave in the order they were put in, never interleaved. */
export interface FrameOutbox {
  /**
   * Sends one frame. `type` is the v2 type byte, or -1 for a frame without one.
   *
   * @throws FrameError when the frame is larger than the protocol allows; nothing is sent then.
   */
  sendText(type: number, text: string): void;
  /** As `sendText`; the bytes are copied before it returns. */
  sendBytes(type: number, bytes: Uint8Array): void;
  /** Sends what is queued, then closes the connection. The reason goes to the log. */
  close(reason: string): void;
  /** An answer was given outside `onFrame`: frames that waited for it can be taken, and a peer that waits can go. */
  resume(): void;
}

/** One protocol on one connection. */
export interface FrameHandler {
  readonly protocol: "v1" | "v2";
  readonly maxFrameBytes: number;
  /** True while the next frame must wait for the answer to an earlier one. */
  readonly isBlocked: boolean;
  /** A peer that never gets an answer to what it has sent still knows which answers belong to what it sends next. */
  readonly survivesLostAnswers: boolean;
  /** Events that were taken and are not answered yet. */
  readonly pendingCount: number;
  /** One frame: `buffer[start..end)`, without its length. The view is valid only during the call. */
  onFrame(buffer: Buffer, start: number, end: number): void;
  /** The peer is gone: nothing can be answered any more. */
  onDisconnect(): void;
  /** From now on the handler notes what it has taken and not answered; null ends that. */
  useJournal(journal: EventJournal | null): void;
  /** Answers what another process has lost on this connection, as the failure policy wants it. */
  refuseLost(events: readonly LostEvent[]): void;
  /** `saveState` gives the same from now on. */
  readonly hasFinalState: boolean;
  /** What another process needs to go on with this connection, once nothing is pending on it. */
  saveState(): HandlerState;
}

/** What the peer waits for, kept where it outlives this process. */
export interface EventJournal {
  /** An event was taken. The result is for `close`; it may be a number that stands for nothing. */
  open(type: number, correlationId: string): number;
  /** Its answer was given, or is not wanted any more. */
  close(entry: number): void;
}

/** An event that a process took and did not live to answer. */
export interface LostEvent {
  /** The protocol's own number of its kind. */
  readonly type: number;
  readonly correlationId: string;
}

/** A handler's state as plain JSON. Only the protocols know its keys. */
export type HandlerState = Readonly<Record<string, string | number | boolean>>;

/** Makes the handler of a connection. */
export interface FrameHandlerFactory {
  /** For a new connection, by the first byte after the first length; null: no protocol starts like this. */
  choose(firstByte: number, outbox: FrameOutbox): FrameHandler | null;
  /** For a connection of another process, by what `saveState` gave there; null: no protocol has such a state. */
  restore(state: HandlerState, outbox: FrameOutbox): FrameHandler | null;
}
