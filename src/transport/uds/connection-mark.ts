/**
 * Where a connection says, outside of this process, whether another one could go on with it at this moment, and what it
 * would owe the peer: were this process killed, nobody could be asked any more.
 */

import type { EventJournal, HandlerState } from "../frame-handler.ts";

export interface ConnectionMark {
  readonly journal: EventJournal;
  /**
   * Cheap, and often called.
   *
   * @param canGoOn every byte that was read belongs to a whole frame, every answer that was begun has been written, and
   *   the protocol can do without the answers that were not
   */
  set(canGoOn: boolean): void;
  /** Every answer that was given has been written. */
  onDelivered(): void;
  /** This process is about to close the connection. The mark is not used any more. */
  onClosing(): void;
  /** The connection is gone, and its descriptor may belong to something else. The mark is not used any more. */
  onClosed(): void;
}

/** Gives a connection a mark; null when it cannot have one. */
export type MarkMaker = (descriptor: number, handler: HandlerState) => ConnectionMark | null;
