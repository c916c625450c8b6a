/**
 * The least a Bun process must do to answer body events: it decodes the base64 of each and answers "allow" with its id.
 * An agent on Bun is measured against it.
 *
 *     bun tests/bench/body-responder.ts --socket PATH
 */

import { parseArgs } from "node:util";

const HANDSHAKE_REQUEST = 0x01;
const HANDSHAKE_RESPONSE = 0x02;
const AGENT_RESPONSE = 0x20;

const CAPABILITIES = {
  agent_id: "responder",
  name: "body responder",
  version: "1.0.0",
  supported_events: [1, 2],
  features: {
    streaming_body: true,
    websocket: false,
    guardrails: false,
    config_push: false,
    metrics_export: false,
    concurrent_requests: 64,
    cancellation: false,
    flow_control: false,
    health_reporting: false,
  },
  limits: { max_body_size: 10_485_760, max_concurrency: 64, preferred_chunk_size: 65_536 },
};

const { values } = parseArgs({ options: { socket: { type: "string", default: "" } } });

function frame(type: number, json: string): Buffer {
  const bytes = Buffer.alloc(5 + Buffer.byteLength(json));
  bytes.writeUInt32BE(bytes.length - 4);
  bytes[4] = type;
  bytes.write(json, 5);
  return bytes;
}

function answer(type: number, payload: string): Buffer {
  const event = JSON.parse(payload) as { readonly correlation_id: string; readonly data?: string };
  if (type === HANDSHAKE_REQUEST) {
    return frame(
      HANDSHAKE_RESPONSE,
      JSON.stringify({ protocol_version: 2, capabilities: CAPABILITIES, success: true, error: null }),
    );
  }
  // The bytes are what a guest would be given.
  const bytes = Buffer.from(event.data ?? "", "base64");
  if (bytes.length === 0 && event.data !== undefined) throw new Error("an empty body was not expected");
  const id = JSON.stringify(event.correlation_id);
  return frame(
    AGENT_RESPONSE,
    `{"version":2,"decision":"allow","audit":{"custom":{"correlation_id":${id}}}}`,
  );
}

Bun.listen<{ rest: Buffer }>({
  unix: values.socket,
  socket: {
    open(socket) {
      socket.data = { rest: Buffer.alloc(0) };
    },
    data(socket, chunk) {
      let input = socket.data.rest.length === 0 ? chunk : Buffer.concat([socket.data.rest, chunk]);
      const answers: Buffer[] = [];
      while (input.length >= 4 && input.length >= 4 + input.readUInt32BE(0)) {
        const end = 4 + input.readUInt32BE(0);
        answers.push(answer(input[4]!, input.toString("utf8", 5, end)));
        input = input.subarray(end);
      }
      socket.data.rest = Buffer.from(input);
      if (answers.length > 0) socket.write(Buffer.concat(answers));
    },
  },
});
