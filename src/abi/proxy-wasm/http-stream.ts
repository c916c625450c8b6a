/** What host functions may do with the stream context of one exchange. */

import type { EventFailure } from "../../event/failure.ts";
import type { BodyWindow } from "./body-window.ts";
import type { HeaderMap } from "./header-map.ts";
import type { LocalReply } from "./local-reply.ts";
import type { ExchangeFacts } from "./properties.ts";
import type { StreamProperties } from "./stream-properties.ts";

export interface HttpStream extends ExchangeFacts {
  readonly id: number;
  readonly correlationId: string;
  readonly properties: StreamProperties;
  /** Null for a map that this exchange does not have yet. */
  headers(map: number): HeaderMap | null;
  /** Whether edits of the map can still become part of a verdict. */
  canEdit(map: number): boolean;
  /** Null outside of the callbacks for that body. */
  body(buffer: number): BodyWindow | null;
  /** The guest edits what the proxy has no field for, such as trailers. */
  cannotCarry(what: string): void;
  /** A header that HTTP cannot carry: the verdict is a failure then. */
  refuse(failure: EventFailure): void;
  /** The direction goes on, once the guest has returned. */
  resume(streamKind: number): void;
  /** Ends the exchange. */
  close(streamKind: number): void;
  /** False when nothing can be replied to any more, because the exchange ends. */
  readonly canReply: boolean;
  /** The first reply counts. */
  readonly hasReplied: boolean;
  reply(reply: LocalReply): void;
  /** The guest has done what `proxy_on_done` said it still had to do. False when it said nothing of the kind. */
  finish(): boolean;
}
