/**
 * Tells the protocols apart by the first byte after the first length (docs/agent-protocol.md 1.4): a v2 peer starts
 * with message type 0x01, a v1 peer with JSON. A connection that another process began has its protocol in its state.
 */

import type { FrameHandlerFactory } from "../transport/frame-handler.ts";
import type { ProtocolOptions } from "./protocol-options.ts";
import { ResponseEncoders } from "./response-encoders.ts";
import { V1Session } from "./v1/v1-session.ts";
import { MessageType } from "./v2/message-type.ts";
import { V2Session } from "./v2/v2-session.ts";

const JSON_STARTS: ReadonlySet<number> = new Set(Buffer.from("{ \t\r\n"));

export function chooseProtocol(options: ProtocolOptions): FrameHandlerFactory {
  const encoders = new ResponseEncoders(options.redirectEncoding);
  return {
    choose(firstByte, outbox) {
      if (firstByte === MessageType.handshakeRequest) return new V2Session(options, encoders, outbox);
      if (JSON_STARTS.has(firstByte)) return new V1Session(options, encoders, outbox);
      return null;
    },
    restore(state, outbox) {
      switch (state["protocol"]) {
        case 1:
          return new V1Session(options, encoders, outbox);
        case 2:
          return V2Session.restore(options, encoders, outbox, state);
        default:
          return null;
      }
    },
  };
}
