/**
 * The parts of an event, each alone in a warm loop: framing, codec, guest call. `bun tests/bench/micro.ts` prints a
 * table, `--json` one line of JSON, `--only framing|codec|guest` a part of it, `--quick` rough figures soon. Alone they are cheaper than under load, where caches are cold and the collector
 * runs; the whole path over the socket is what counts.
 */

import { parseArgs } from "node:util";
import { encodeInput } from "../../src/abi/json/input-encoder.ts";
import { decodeResult } from "../../src/abi/json/result-decoder.ts";
import type { HeadersEvent, ProxyEvent } from "../../src/event/event.ts";
import { V1_MAX_FRAME_BYTES } from "../../src/transport/frame-limits.ts";
import { FrameReader } from "../../src/transport/uds/frame-reader.ts";
import { FrameWriter } from "../../src/transport/uds/frame-writer.ts";
import { decodeEvent, parseJsonObject } from "../../src/protocol/event-decoder.ts";
import { decodeUtf8 } from "../../src/protocol/text-decoder.ts";
import { encodeResponse } from "../support/encode-response.ts";
import { sharedTranscoder } from "../support/transcoded.ts";
import { buildGuestModules } from "./guest-modules.ts";
import { measuredGuest } from "./micro/measured-guest.ts";
import type { MicroFigure } from "./micro/run-micro.ts";
import { SAMPLE_GUEST_RESULT, SAMPLE_V1_JSON, SAMPLE_V2_JSON } from "./micro/samples.ts";
import { bestOf, FULL_LENGTH, QUICK_LENGTH, type TimingLength } from "./micro/timing.ts";
import { textTable } from "./report/text-table.ts";

const FRAMES_PER_READ = 16;
const ASK_TIMEOUT_MS = 1000;

/** Results end up here, so that no compiler drops the work that made them. */
const sink: { last: unknown } = { last: null };

function oneRead(json: string): Buffer {
  const frame = Buffer.alloc(4 + Buffer.byteLength(json));
  frame.writeUInt32BE(frame.length - 4);
  frame.write(json, 4);
  return Buffer.concat(Array.from({ length: FRAMES_PER_READ }, () => frame));
}

function framing(length: TimingLength): MicroFigure[] {
  const read = oneRead(SAMPLE_V1_JSON);
  const reader = new FrameReader(V1_MAX_FRAME_BYTES);
  const writer = new FrameWriter();
  const answer = '{"version":1,"decision":"allow"}';
  const cut = bestOf(() => {
    reader.feed(read);
    while (reader.next()) sink.last = reader.end;
    reader.release();
  }, length);
  const gather = bestOf(() => {
    for (let i = 0; i < FRAMES_PER_READ; i++) writer.appendText(-1, answer, V1_MAX_FRAME_BYTES);
    sink.last = writer.view();
    writer.clear();
  }, length);
  return [
    { name: `framing: cut a frame (${FRAMES_PER_READ} a read)`, nanoseconds: cut / FRAMES_PER_READ },
    { name: `framing: gather an answer (${FRAMES_PER_READ} a write)`, nanoseconds: gather / FRAMES_PER_READ },
  ];
}

function codec(length: TimingLength): MicroFigure[] {
  const v1 = Buffer.from(SAMPLE_V1_JSON);
  const v2 = Buffer.from(SAMPLE_V2_JSON);
  const envelope = JSON.parse(SAMPLE_V1_JSON);
  const event = decodeEvent("request-headers", envelope.payload) as HeadersEvent;
  const form = { canonicalHeaderCase: false, abiFlags: 0 };
  const verdict = decodeResult(SAMPLE_GUEST_RESULT, "request-headers");
  const transcoder = sharedTranscoder();
  const whole = (bytes: Buffer, take: (value: Record<string, unknown>) => unknown): ProxyEvent =>
    decodeEvent(
      "request-headers",
      take(parseJsonObject(decodeUtf8(bytes, 0, bytes.length))) as Record<string, unknown>,
    );
  const figures: [string, () => unknown][] = [
    [
      "codec: v1 frame to the guest's JSON, transcoded",
      () => transcoder.read("request-headers", true, v1, 0, v1.length),
    ],
    [
      "codec: v2 payload to the guest's JSON, transcoded",
      () => transcoder.read("request-headers", false, v2, 0, v2.length),
    ],
    [`codec: bytes to text (${v1.length} bytes)`, () => decodeUtf8(v1, 0, v1.length)],
    ["codec: JSON.parse", () => parseJsonObject(SAMPLE_V1_JSON)],
    ["codec: object to event", () => decodeEvent("request-headers", envelope.payload)],
    ["codec: v1 frame to event, the three above", () => whole(v1, (value) => value["payload"])],
    ["codec: v2 frame to event", () => whole(v2, (value) => value)],
    ["codec: event to the guest's JSON", () => encodeInput(event, form)],
    ["codec: the guest's result to a verdict", () => decodeResult(SAMPLE_GUEST_RESULT, "request-headers")],
    [
      "codec: verdict to the answer",
      () => encodeResponse(verdict, { version: 1, hasTrueRedirect: false }, null),
    ],
  ];
  return figures.map(([name, work]) => ({
    name,
    nanoseconds: bestOf(() => {
      sink.last = work();
    }, length),
  }));
}

async function guestCalls(length: TimingLength): Promise<MicroFigure[]> {
  const { example, constant } = await buildGuestModules();
  const frame = Buffer.from(SAMPLE_V1_JSON);
  const transcoder = sharedTranscoder();
  const figures: MicroFigure[] = [];
  const modules = [
    ["example module", example],
    ["constant guest", constant],
  ] as const;
  for (const [name, path] of modules) {
    if (path === null) continue;
    const limited = await measuredGuest(path);
    const unlimited = await measuredGuest(path, { limits: false });
    figures.push({
      name: `guest: ${name}, bare calls, no limits`,
      nanoseconds: bestOf(unlimited.bareCalls, length),
    });
    figures.push({
      name: `guest: ${name}, bare calls, limits`,
      nanoseconds: bestOf(limited.bareCalls, length),
    });
    figures.push({
      name: `guest: ${name}, v1 frame to verdict`,
      nanoseconds: bestOf(() => {
        const event = transcoder.read("request-headers", true, frame, 0, frame.length);
        if (event === null) throw new Error("the sample is not taken by the transcoder");
        sink.last = limited.instance.call(event, ASK_TIMEOUT_MS);
      }, length),
    });
  }
  return figures;
}

const GROUPS: Readonly<Record<string, (length: TimingLength) => MicroFigure[] | Promise<MicroFigure[]>>> = {
  framing,
  codec,
  guest: guestCalls,
};

const { values } = parseArgs({
  options: { json: { type: "boolean" }, only: { type: "string" }, quick: { type: "boolean" } },
});
const length = values.quick ? QUICK_LENGTH : FULL_LENGTH;
const figures: MicroFigure[] = [];
for (const [group, measure] of Object.entries(GROUPS)) {
  if (values.only === undefined || values.only === group) figures.push(...(await measure(length)));
}
if (values.json) {
  console.log(JSON.stringify(figures));
} else {
  const rows = figures.map(({ name, nanoseconds }) => [name, nanoseconds.toFixed(0)]);
  console.log(textTable({ title: "Parts of an event, each alone", columns: ["part", "ns"], rows }));
}
