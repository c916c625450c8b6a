/**
 * What single events cost the agent: processor time of its process for each event, side by side with another program
 * or another guest in the same run, so that a busy machine disturbs both alike.
 *
 *     bun tests/bench/event-costs.ts [--rounds 5] [--events 4000] [--agent-cmd "..."]
 *
 * - a request body of 64 KiB to a guest that returns at once, against a responder that decodes the base64 and answers
 * - headers events of a guest that wants the request with later events (flag 4), against the same without the flag
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { assembleWat } from "../guests/assemble-guest.ts";
import { guestWat } from "../guests/guest-wat.ts";
import { v2Frame } from "../support/frames.ts";
import { handshake, requestBody, requestHeaders, responseHeaders, Type } from "../support/proxy-messages.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { LOG_FOLDER } from "./bench.ts";
import { median } from "./rounds.ts";
import { commandSubject, startSubject, type Subject } from "./subject.ts";

const BODY_BYTES = 64 * 1024;
const MOST_FOR_A_BODY = 2.5;
const MOST_US_FOR_THE_REQUEST = 1;
const CONNECTIONS = 4;
const IN_FLIGHT = 8;
const WARM_UP = 0.25;
const SOURCES = join(import.meta.dir, "../../src/main.ts");
const RESPONDER = join(import.meta.dir, "body-responder.ts");

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    events: { type: "string", default: "4000" },
    "agent-cmd": { type: "string", default: `"${process.execPath}" "${SOURCES}"` },
  },
});

type MakeFrame = (id: string, number: number) => Buffer;

const ALLOW_BODIES = `(func $on_request_headers (export "on_request_headers") (param i32 i32) (result i64) (i64.const 0))
(func (export "on_request_body") (param i32 i32 i32 i32) (result i64) (i64.const 0))`;

const ALLOW_HEADERS = (flags: number) => `
(func (export "sentinel_abi_flags") (result i32) (i32.const ${flags}))
(func $on_request_headers (export "on_request_headers") (param i32 i32) (result i64) (i64.const 0))
(func $on_response_headers (export "on_response_headers") (param i32 i32) (result i64) (i64.const 0))`;

const agent = commandSubject("agent", values["agent-cmd"], { takesFlags: true });
const responder = commandSubject("responder", `"${process.execPath}" "${RESPONDER}" --socket {socket}`);

using folder = temporaryFolder();
const guests = {
  bodies: await guestFile("bodies", ALLOW_BODIES),
  plain: await guestFile("plain", ALLOW_HEADERS(0)),
  wanting: await guestFile("wanting", ALLOW_HEADERS(4)),
};

const data = Buffer.alloc(BODY_BYTES, "a body of text. ").toString("base64");
const bodyFrame: MakeFrame = (id) =>
  v2Frame(Type.requestBodyChunk, {
    ...requestBody({ id }),
    data,
    total_size: null,
    bytes_received: BODY_BYTES,
  });
const headersFrame: MakeFrame = (id, number) =>
  number % 2 === 0
    ? v2Frame(Type.requestHeaders, requestHeaders({ id: `${id}-${number}` }))
    : v2Frame(Type.responseHeaders, responseHeaders({ id: `${id}-${number - 1}` }));

const events = Number(values.events);
const bodies: [number, number][] = [];
const headers: [number, number][] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  bodies.push([
    await costUs(agent, guests.bodies, bodyFrame, events),
    await costUs(responder, "", bodyFrame, events),
  ]);
  headers.push([
    await costUs(agent, guests.wanting, headersFrame, events * 20),
    await costUs(agent, guests.plain, headersFrame, events * 20),
  ]);
}

const bodyRatio = median(bodies.map(([ours, theirs]) => ours / theirs)) ?? Number.NaN;
const requestUs = median(headers.map(([wanting, plain]) => wanting - plain)) ?? Number.NaN;
console.log(`64 KiB request body: ${show(bodies)} us of agent and responder, ratio ${bodyRatio.toFixed(2)}`);
console.log(`flag 4, headers events: ${show(headers)} us with and without, ${requestUs.toFixed(2)} us more`);
const isMet = bodyRatio <= MOST_FOR_A_BODY && requestUs <= MOST_US_FOR_THE_REQUEST;
console.log(isMet ? "met" : `not met: at most ${MOST_FOR_A_BODY} and ${MOST_US_FOR_THE_REQUEST} us`);
process.exit(isMet ? 0 : 1);

function show(pairs: readonly [number, number][]): string {
  return [0, 1]
    .map((i) => (median(pairs.map((pair) => pair[i as 0 | 1])) ?? Number.NaN).toFixed(2))
    .join(" and ");
}

async function guestFile(name: string, text: string): Promise<string> {
  const path = folder.file(`${name}.wasm`);
  await Bun.write(path, await assembleWat(name, guestWat(text)));
  return path;
}

/** Processor time of the subject for one event. */
async function costUs(subject: Subject, module: string, make: MakeFrame, count: number): Promise<number> {
  const running = await startSubject(subject, { module, poolSize: 1 }, { logFolder: LOG_FOLDER });
  try {
    await send(running.socketPath, make, Math.ceil(count * WARM_UP));
    const before = processorUs(running.pid);
    await send(running.socketPath, make, count);
    return (processorUs(running.pid) - before) / count;
  } finally {
    await running.stop();
  }
}

/** User and system time; the kernel counts in hundredths of a second. */
function processorUs(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

async function send(path: string, make: MakeFrame, count: number): Promise<void> {
  const share = Math.ceil(count / CONNECTIONS / 2) * 2;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, (_, connection) => sendOn(path, make, `c${connection}`, share)),
  );
}

/** A window of events in flight on one connection; answers are only counted. */
function sendOn(path: string, make: MakeFrame, name: string, count: number): Promise<void> {
  const done = Promise.withResolvers<void>();
  let sent = 0;
  let answered = -1;
  let rest: Buffer = Buffer.alloc(0);
  let unsent: Uint8Array = Buffer.alloc(0);
  void Bun.connect({
    unix: path,
    socket: {
      open(socket) {
        socket.write(v2Frame(Type.handshake, handshake("0.6.54")));
      },
      drain: (socket) => flush(socket),
      data(socket, chunk) {
        let input = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        while (input.length >= 4 && input.length >= 4 + input.readUInt32BE(0)) {
          input = input.subarray(4 + input.readUInt32BE(0));
          answered++;
        }
        rest = Buffer.from(input);
        if (answered === count) socket.end();
        else flush(socket);
      },
      close: () =>
        answered === count ? done.resolve() : done.reject(new Error("the connection was closed")),
    },
  });
  return done.promise;

  function flush(socket: Bun.Socket): void {
    const frames: Uint8Array[] = [unsent];
    for (; sent < count && sent - answered < IN_FLIGHT; sent++) frames.push(make(name, sent));
    const bytes = Buffer.concat(frames);
    if (bytes.length === 0) return;
    unsent = Buffer.from(bytes.subarray(socket.write(bytes)));
  }
}
