/** Events with a body or a frame, as a proxy sends them: what `call` and the playground put together by hand. */

import type { BodyEvent, WebSocketFrameEvent } from "../event/event.ts";

/** A body that is streamed comes as it is read (docs/agent-protocol.md 9.4). */
const PIECE_BYTES = 65_536;

/** Headers and status of the upgrade that frames follow. */
export const UPGRADE_HEADERS: readonly (readonly [name: string, value: string])[] = [
  ["connection", "upgrade"],
  ["upgrade", "websocket"],
];
export const SWITCHING_PROTOCOLS = 101;

export interface BodyFacts {
  readonly kind: BodyEvent["kind"];
  readonly correlationId: string;
  readonly bytes: Uint8Array;
  /** In pieces as they are read, instead of whole. Proxies send the bodies of responses whole. */
  readonly isStreamed: boolean;
}

/** At least one event. Their bytes are views of the given ones. */
export function bodyEvents({ kind, correlationId, bytes, isStreamed }: BodyFacts): readonly BodyEvent[] {
  const pieceBytes = isStreamed ? PIECE_BYTES : Math.max(1, bytes.length);
  const pieces = Math.max(1, Math.ceil(bytes.length / pieceBytes));
  return Array.from({ length: pieces }, (_, index) => {
    const piece = bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes);
    return {
      kind,
      correlationId,
      bytes: piece,
      isLast: index === pieces - 1,
      chunkIndex: index,
      totalBytes: isStreamed ? null : bytes.length,
      bytesSoFar: index * pieceBytes + piece.length,
    };
  });
}

export interface FrameFacts {
  readonly correlationId: string;
  readonly opcode: string;
  readonly bytes: Uint8Array;
  readonly isFromClient: boolean;
  readonly clientAddress: string;
}

/** The first frame of its direction, in one fragment. */
export function frameEvent(facts: FrameFacts): WebSocketFrameEvent {
  return { kind: "websocket-frame", ...facts, frameIndex: 0, isFinal: true, routeId: null };
}
