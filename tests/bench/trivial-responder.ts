/**
 * The trivial responder: the least a Bun process must do to answer the same frames. It finds frame borders and writes
 * one fixed answer for each, all answers to one read with one write; no JSON, no guest, no checks. An agent on Bun is
 * measured against it, because nothing on this runtime can be faster.
 *
 * On v2 the answer must name the event, so the eleven characters of the generator's ids are copied across.
 */

import { rmSync } from "node:fs";

const MESSAGE_HANDSHAKE_REQUEST = 0x01;
const MESSAGE_HANDSHAKE_RESPONSE = 0x02;
const MESSAGE_AGENT_RESPONSE = 0x20;
const LARGEST_BATCH = 4096;

/** A v2 payload starts with `{"correlation_id":"`, after four bytes of length and one of type. */
const EVENT_ID_OFFSET = 5 + '{"correlation_id":"'.length;
const ID_LENGTH = 11;

const V2_ANSWER_HEAD = '{"version":2,"decision":"allow","audit":{"custom":{"correlation_id":"';
const ANSWER_ID_OFFSET = 5 + V2_ANSWER_HEAD.length;

function v1Frame(json: string): Buffer {
  const frame = Buffer.alloc(4 + Buffer.byteLength(json));
  frame.writeUInt32BE(frame.length - 4);
  frame.write(json, 4);
  return frame;
}

function v2Frame(type: number, json: string): Buffer {
  const frame = Buffer.alloc(5 + Buffer.byteLength(json));
  frame.writeUInt32BE(frame.length - 4);
  frame[4] = type;
  frame.write(json, 5);
  return frame;
}

const V1_ANSWER = v1Frame('{"version":1,"decision":"allow"}');
const V2_ANSWER = v2Frame(MESSAGE_AGENT_RESPONSE, `${V2_ANSWER_HEAD}${"-".repeat(ID_LENGTH)}"}}}`);
const HANDSHAKE_ANSWER = v2Frame(
  MESSAGE_HANDSHAKE_RESPONSE,
  JSON.stringify({
    protocol_version: 2,
    capabilities: {
      agent_id: "trivial",
      name: "trivial responder",
      version: "1.0.0",
      supported_events: [1],
      features: {
        streaming_body: false,
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
    },
    success: true,
    error: null,
    encoding: "json",
  }),
);

function repeated(frame: Buffer, times: number): Buffer {
  const all = Buffer.alloc(frame.length * times);
  for (let i = 0; i < times; i++) frame.copy(all, i * frame.length);
  return all;
}

const EMPTY = Buffer.alloc(0);

interface Peer {
  v2: boolean | null;
  /** The start of a frame whose end has not arrived. */
  rest: Buffer;
  /** Answers the kernel has not taken yet. */
  unsent: Buffer;
}

export interface TrivialResponder {
  stop(): void;
}

export interface TrivialResponderOptions {
  /** Sees every batch of answers before it is sent; lets a test make the responder lie. */
  readonly tamper?: (answers: Buffer) => Buffer;
}

export function startTrivialResponder(
  socketPath: string,
  { tamper }: TrivialResponderOptions = {},
): TrivialResponder {
  const v1Answers = repeated(V1_ANSWER, LARGEST_BATCH);
  const v2Answers = repeated(V2_ANSWER, LARGEST_BATCH);

  const send = (socket: Bun.Socket<Peer>, answers: Buffer): void => {
    const peer = socket.data;
    if (peer.unsent.length > 0) {
      peer.unsent = Buffer.concat([peer.unsent, answers]);
      return;
    }
    const taken = Math.max(0, socket.write(answers));
    if (taken < answers.length) peer.unsent = Buffer.from(answers.subarray(taken));
  };

  const answer = (socket: Bun.Socket<Peer>, input: Buffer): void => {
    const peer = socket.data;
    let frames = 0;
    let at = 0;
    while (input.length - at >= 5) {
      const end = at + 4 + input.readUInt32BE(at);
      if (end > input.length) break;
      peer.v2 ??= input[at + 4] === MESSAGE_HANDSHAKE_REQUEST;
      if (peer.v2) {
        if (input[at + 4] === MESSAGE_HANDSHAKE_REQUEST) {
          socket.write(HANDSHAKE_ANSWER);
          at = end;
          continue;
        }
        const id = at + EVENT_ID_OFFSET;
        input.copy(v2Answers, frames * V2_ANSWER.length + ANSWER_ID_OFFSET, id, id + ID_LENGTH);
      }
      frames++;
      at = end;
      if (frames === LARGEST_BATCH) break;
    }
    peer.rest = at === input.length ? EMPTY : Buffer.from(input.subarray(at));
    if (frames === 0) return;
    const answers = peer.v2
      ? v2Answers.subarray(0, frames * V2_ANSWER.length)
      : v1Answers.subarray(0, frames * V1_ANSWER.length);
    send(socket, tamper === undefined ? answers : tamper(answers));
  };

  rmSync(socketPath, { force: true });
  const server = Bun.listen<Peer>({
    unix: socketPath,
    socket: {
      open(socket) {
        socket.data = { v2: null, rest: EMPTY, unsent: EMPTY };
      },
      data(socket, chunk) {
        const { rest } = socket.data;
        answer(socket, rest.length === 0 ? chunk : Buffer.concat([rest, chunk]));
      },
      drain(socket) {
        const { unsent } = socket.data;
        socket.data.unsent = EMPTY;
        if (unsent.length > 0) send(socket, unsent);
      },
    },
  });
  return { stop: () => server.stop(true) };
}

if (import.meta.main) {
  const at = process.argv.indexOf("--socket");
  const socketPath = at < 0 ? undefined : process.argv[at + 1];
  if (socketPath === undefined) {
    console.error("trivial-responder: --socket PATH is required");
    process.exit(2);
  }
  startTrivialResponder(socketPath);
}
