/** Makes streams of spoilt frames from what real proxies sent. */

import { v1Frame, v2Frame } from "../../support/frames.ts";
import { handshake, passiveEvents, Type, v1Envelope } from "../../support/proxy-messages.ts";
import type { RecordedFrame, Recording } from "../recorded-frames.ts";
import { mutateText } from "./mutation.ts";
import type { Random } from "./random.ts";
import type { Chunks } from "./stream-case.ts";

const MAX_FRAMES = 6;
const MAX_CHUNKS = 5;
const VERSIONS = ["0.6.20", "0.6.45", "0.6.54", "", "x.y"];

export function randomStream(recordings: readonly Recording[], random: Random): Chunks {
  const recording = random.pick(recordings);
  const frames: Buffer[] = [];
  // Most streams shake hands properly, or little would ever get past the handshake.
  if (recording.protocol === 2 && random.chance(0.9)) {
    frames.push(v2Frame(Type.handshake, handshake(random.pick(VERSIONS))));
  }
  const candidates = [...recording.frames, ...otherEvents(recording.protocol)];
  for (let count = 1 + random.below(MAX_FRAMES); count > 0; count--) {
    frames.push(randomFrame(random.pick(candidates), random));
  }
  return cut(Buffer.concat(frames), random);
}

function otherEvents(protocol: 1 | 2): RecordedFrame[] {
  return passiveEvents().map(({ type, name, payload }) =>
    protocol === 1
      ? { conn: 0, type: null, text: JSON.stringify(v1Envelope(name, payload)) }
      : { conn: 0, type, text: JSON.stringify(payload) },
  );
}

function randomFrame(recorded: RecordedFrame, random: Random): Buffer {
  const body = random.chance(0.8) ? mutateText(recorded.text, random) : Buffer.from(recorded.text);
  if (recorded.type === null) return withSpoiltLength(v1Frame(body), random);
  const type = random.chance(0.1) ? random.below(256) : recorded.type;
  return withSpoiltLength(v2Frame(type, body), random);
}

function withSpoiltLength(frame: Buffer, random: Random): Buffer {
  if (!random.chance(0.03)) return frame;
  const length = frame.readUInt32BE(0);
  frame.writeUInt32BE(
    random.pick([0, 1, length - 1, length + 1, 0xffff_ffff, 10_485_761, 16_777_217]) >>> 0,
    0,
  );
  return frame;
}

function cut(stream: Buffer, random: Random): Chunks {
  const chunks: Buffer[] = [];
  let rest = stream;
  for (let cuts = random.below(MAX_CHUNKS); cuts > 0 && rest.length > 1; cuts--) {
    const at = 1 + random.below(rest.length - 1);
    chunks.push(rest.subarray(0, at));
    rest = rest.subarray(at);
  }
  return [...chunks, rest];
}
