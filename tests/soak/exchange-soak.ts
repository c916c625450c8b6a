/**
 * Exchanges by the million, of which a tenth never end: what they leave behind in the agent. Exchanges are interleaved,
 * and every answer is looked at. The guest inspects bodies and wants the request in later events, so that all of them are
 * kept; which of the endless ones the agent still has is asked at the end.
 */

import { guestPath } from "../guests/guest-path.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { v2Frame } from "../support/frames.ts";
import {
  handshake,
  requestBody,
  requestHeaders,
  responseBody,
  responseHeaders,
  Type,
} from "../support/proxy-messages.ts";
import { WireSocket } from "../support/wire-socket.ts";
import type { MemorySample } from "./trap-soak.ts";

export const MAX_EXCHANGES = 2000;
const EVENTS_PER_EXCHANGE = 5;
/** Exchanges that are open on a connection at the same time. */
const BATCH = 100;
const ENDLESS_EVERY = 10;
const CONNECTIONS = 4;
const ID_LENGTH = 11;
const MIB = 1024 * 1024;
const ANSWER_WITHIN_MS = 60_000;

export interface ExchangeSoakOptions {
  readonly exchanges: number;
  readonly sampleEveryMs: number;
  /** Further flags of the agent. */
  readonly flags?: readonly string[];
  onSample?(sample: MemorySample): void;
}

export interface ExchangeSoakResult {
  readonly events: number;
  readonly seconds: number;
  readonly samples: readonly MemorySample[];
  /** Answers that were no allow, were somebody else's, or knew no request. */
  readonly faults: number;
  /** Of the newest endless exchanges as many as are kept, those that the agent has lost. */
  readonly newestLost: number;
  /** Older ones that it still has. */
  readonly olderKept: number;
  readonly exitCode: number | null;
}

export async function soakWithExchanges(options: ExchangeSoakOptions): Promise<ExchangeSoakResult> {
  await using agent = await AgentProcess.start({
    module: guestPath("echo-bytes-request"),
    flags: ["--max-exchanges", `${MAX_EXCHANGES}`, ...(options.flags ?? [])],
  });
  const samples: MemorySample[] = [];
  const startedAtMs = performance.now();
  const sample = async (): Promise<void> => {
    const residentMib = (await agent.residentBytes()) / MIB;
    const taken = { seconds: (performance.now() - startedAtMs) / 1000, residentMib };
    samples.push(taken);
    options.onSample?.(taken);
  };
  const sampling = setInterval(() => void sample(), options.sampleEveryMs);
  const load = new ExchangeLoad(options.exchanges);
  const connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => openConnection(agent.socketPath)),
  );
  try {
    await Promise.all(connections.map((connection) => load.run(connection)));
  } finally {
    clearInterval(sampling);
  }
  await sample();
  const seconds = (performance.now() - startedAtMs) / 1000;
  const kept = await keptOf(connections[0]!, load.endless);
  agent.signal("SIGTERM");
  const exitCode = await agent.exited;
  return { events: load.events, seconds, samples, faults: load.faults, ...kept, exitCode };
}

/** Numbered exchanges, handed out in batches to whichever connection asks. */
class ExchangeLoad {
  /** Ids of exchanges without an end, oldest first. */
  readonly endless: string[] = [];
  events = 0;
  faults = 0;
  readonly #exchanges: number;
  #next = 0;

  constructor(exchanges: number) {
    this.#exchanges = exchanges;
  }

  async run(connection: Connection): Promise<void> {
    while (this.#next < this.#exchanges) {
      const first = this.#next;
      const count = Math.min(BATCH, this.#exchanges - first);
      this.#next += count;
      const ids = Array.from({ length: count }, (_, i) => idOf(first + i));
      // One event of each, then the next of each: all of the batch are open at the same time.
      for (let step = 0; step < EVENTS_PER_EXCHANGE; step++) {
        const frames = ids.map((id, i) => eventFrame(id, step, isEndless(first + i)));
        const answers = await connection.ask(frames);
        this.events += answers.length;
        answers.forEach((answer, i) => {
          if (!isRight(answer, ids[i]!, step > 0)) this.faults++;
        });
      }
      for (let i = 0; i < count; i++) if (isEndless(first + i)) this.endless.push(ids[i]!);
    }
  }
}

interface Connection {
  /** Sends all at once; the answers in order. */
  ask(frames: readonly Uint8Array[]): Promise<readonly string[]>;
}

async function openConnection(path: string): Promise<Connection> {
  const wire = await WireSocket.connect(path, 2);
  const ask = async (frames: readonly Uint8Array[]): Promise<readonly string[]> => {
    wire.send(Buffer.concat(frames));
    const answers: string[] = [];
    while (answers.length < frames.length) {
      const frame = await wire.nextFrame(ANSWER_WITHIN_MS);
      if (frame === null) throw new Error("the agent closed the connection");
      answers.push(frame.text);
    }
    return answers;
  };
  await ask([v2Frame(Type.handshake, handshake("0.6.54"))]);
  return { ask };
}

function idOf(number: number): string {
  return number.toString(36).padStart(ID_LENGTH, "x");
}

function isEndless(number: number): boolean {
  return number % ENDLESS_EVERY === 0;
}

/** An endless exchange has nothing but pieces of an upload behind its headers. */
function eventFrame(id: string, step: number, endless: boolean): Buffer {
  if (step === 0) return v2Frame(Type.requestHeaders, requestHeaders({ id, uri: `/${id}`, method: "POST" }));
  if (endless || step <= 2) {
    const piece = { id, bytes: "piece", index: step - 1, isStreamed: true, isLast: !endless && step === 2 };
    return v2Frame(Type.requestBodyChunk, requestBody(piece));
  }
  return step === 3
    ? v2Frame(Type.responseHeaders, responseHeaders({ id }))
    : v2Frame(Type.responseBodyChunk, responseBody({ id }));
}

function isRight(answer: string, id: string, isLater: boolean): boolean {
  return (
    answer.includes('"decision":"allow"') &&
    answer.includes(`"correlation_id":"${id}"`) &&
    (!isLater || answer.includes(`"uri":"/${id}"`))
  );
}

/** A response to each: the guest is given the request if the agent still has it. */
async function keptOf(
  connection: Connection,
  endless: readonly string[],
): Promise<Pick<ExchangeSoakResult, "newestLost" | "olderKept">> {
  const probed = endless.slice(-2 * MAX_EXCHANGES);
  const answers = await connection.ask(probed.map((id) => eventFrame(id, 3, false)));
  const isKept = answers.map((answer, i) => answer.includes(`"uri":"/${probed[i]}"`));
  // Connections take turns as they like, so the order of opening is not that of the numbers near the border.
  const margin = CONNECTIONS * BATCH;
  const newest = isKept.slice(-(MAX_EXCHANGES - margin));
  const older = isKept.slice(0, Math.max(0, isKept.length - MAX_EXCHANGES - margin));
  return {
    newestLost: newest.filter((kept) => !kept).length,
    olderKept: older.filter((kept) => kept).length,
  };
}
