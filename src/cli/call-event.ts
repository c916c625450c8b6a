/**
 * The events that the options of `call` describe, from a file, from standard input, or put together from flags: the one
 * that is asked about, and before it those of its exchange that a proxy would have sent.
 */

import type { BodyEvent, ProxyEvent } from "../event/event.ts";
import { InputError, systemReason } from "../event/input-error.ts";
import { eventKindIn, readEvent } from "../telemetry/recording/event-json.ts";
import { DEFAULT_CORRELATION_ID } from "../telemetry/recording/event-shape.ts";
import { readRequest, readResponse } from "../telemetry/recording/headers-json.ts";
import { bodyEvents, frameEvent, SWITCHING_PROTOCOLS, UPGRADE_HEADERS } from "../tools/payload-events.ts";
import { type EventJson, readEventText } from "../tools/read-event-file.ts";
import { OptionsError } from "./options-error.ts";

type HeaderPairs = readonly (readonly [name: string, value: string])[];

export interface EventSettings {
  /** A path, or `-` for standard input; null for an event of flags alone. */
  readonly eventPath: string | null;
  readonly line: number | null;
  readonly method: string | null;
  readonly uri: string | null;
  readonly clientIp: string | null;
  readonly requestHeaders: HeaderPairs;
  readonly status: number | null;
  /** Of the response when there is a status, else of the request. */
  readonly headers: HeaderPairs;
  readonly body: string | null;
  /** A path, or `-` for standard input. */
  readonly bodyPath: string | null;
  readonly bodyMode: "buffer" | "stream";
  /** A text, or `@` and a path. */
  readonly frame: string | null;
  readonly frameOpcode: string;
  readonly frameFrom: "client" | "server";
  readonly guardrail: string | null;
}

const STDIN = "-";
/** No proxy sends more in one event (docs/agent-protocol.md 14.5). */
const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;

/** At least one event; the last is what is asked about. @throws InputError, OptionsError */
export async function readCallExchange(settings: EventSettings): Promise<readonly ProxyEvent[]> {
  assertOneSubject(settings);
  const { eventPath, line } = settings;
  if (line !== null && eventPath === null) {
    throw new OptionsError("option-invalid", "--line chooses a line of a file; name the file with --event.");
  }
  const base = eventPath === null ? {} : readEventText(await readText(eventPath), line);
  const kind = eventKindIn(base);
  switch (kind) {
    case "request-headers":
    case "response-headers":
      return exchangeOfFlags(base, kind === "response-headers", settings);
    default:
      return exchangeOfFile(base, settings);
  }
}

/** The event of the file, behind the request that flags describe. */
function exchangeOfFile(base: EventJson, settings: EventSettings): readonly ProxyEvent[] {
  const unused = [...subjectsOf(settings), ...(settings.status === null ? [] : ["--status"])][0];
  if (unused !== undefined) {
    throw new OptionsError(
      "option-invalid",
      `The file's event is no request or response, so there is nothing for ${unused} to change; leave it out.`,
    );
  }
  const event = readEvent(base);
  const headers = [...settings.requestHeaders, ...settings.headers];
  if (!hasRequestFlags(settings) && headers.length === 0) return [event];
  return [requestOfFlags({ correlation_id: event.correlationId }, settings, headers), event];
}

async function exchangeOfFlags(
  base: EventJson,
  fileHasResponse: boolean,
  settings: EventSettings,
): Promise<readonly ProxyEvent[]> {
  const isResponse = settings.status !== null || fileHasResponse;
  if (isResponse && settings.frame !== null) {
    throw new OptionsError(
      "option-invalid",
      "A frame follows a response with status 101; leave --status out.",
    );
  }
  const correlationId = typeof base["correlation_id"] === "string" ? base["correlation_id"] : undefined;
  const shared = { correlation_id: correlationId ?? DEFAULT_CORRELATION_ID };
  const payload = await readPayload(settings, isResponse, shared.correlation_id);
  const request = isResponse
    ? requestOfFlags(shared, settings, settings.requestHeaders)
    : requestOfFlags(
        base,
        settings,
        [...settings.requestHeaders, ...settings.headers, ...impliedHeaders(base, settings, payload)],
        payload,
      );
  if (settings.frame !== null) {
    return [request, readResponse({ ...shared, status: SWITCHING_PROTOCOLS }), ...payload];
  }
  if (!isResponse) {
    const isAlone = settings.guardrail !== null && !hasRequestFlags(settings) && settings.eventPath === null;
    return [...(isAlone ? [] : [request]), ...payload];
  }
  const response = readResponse({
    ...base,
    ...(settings.status === null ? {} : { status: settings.status }),
    ...mergeHeaders(base, settings.headers),
  });
  const isFollowed = payload.length > 0 || hasRequestFlags(settings);
  return [...(isFollowed ? [request] : []), response, ...payload];
}

function requestOfFlags(
  base: EventJson,
  { method, uri, clientIp }: EventSettings,
  headers: HeaderPairs,
  payload: readonly ProxyEvent[] = [],
): ProxyEvent {
  const uploads = payload[0]?.kind === "request-body-chunk" && !Object.hasOwn(base, "method");
  return readRequest({
    ...base,
    ...(method !== null ? { method } : uploads ? { method: "POST" } : {}),
    ...(uri === null ? {} : { uri }),
    ...(clientIp === null ? {} : { client_ip: clientIp }),
    ...mergeHeaders(base, headers),
  });
}

/** What a client would send along with the body or for the upgrade, unless the author said something else. */
function impliedHeaders(
  base: EventJson,
  settings: EventSettings,
  payload: readonly ProxyEvent[],
): HeaderPairs {
  const given = new Set([
    ...Object.keys((base["multi_headers"] ?? base["headers"] ?? {}) as object).map((name) =>
      name.toLowerCase(),
    ),
    ...[...settings.headers, ...settings.requestHeaders].map(([name]) => name),
  ]);
  if (settings.frame !== null) return UPGRADE_HEADERS.filter(([name]) => !given.has(name));
  const body = payload.filter((event): event is BodyEvent => event.kind === "request-body-chunk");
  if (body.length === 0 || given.has("content-length") || given.has("transfer-encoding")) return [];
  return [["content-length", `${body.at(-1)!.bytesSoFar}`]];
}

async function readPayload(
  settings: EventSettings,
  isResponse: boolean,
  correlationId: string,
): Promise<readonly ProxyEvent[]> {
  const { body, bodyPath, bodyMode, frame, guardrail } = settings;
  if (guardrail !== null) {
    return [readEvent({ kind: "guardrail", correlation_id: correlationId, content: guardrail })];
  }
  if (frame !== null) {
    const bytes = frame.startsWith("@") ? await readBytes("frame", frame.slice(1)) : Buffer.from(frame);
    return [
      frameEvent({
        correlationId,
        opcode: settings.frameOpcode,
        bytes,
        isFromClient: settings.frameFrom === "client",
        clientAddress: settings.clientIp ?? "127.0.0.1",
      }),
    ];
  }
  if (body === null && bodyPath === null) {
    if (bodyMode === "stream") {
      throw new OptionsError("option-invalid", "--body-mode says how a body comes; give one with --body.");
    }
    return [];
  }
  const bytes = bodyPath === null ? Buffer.from(body ?? "") : await readBytes("body", bodyPath);
  if (isResponse && bodyMode === "stream") {
    throw new OptionsError(
      "option-invalid",
      "Proxies hold the body of a response back and send it whole; leave --body-mode out.",
    );
  }
  const kind = isResponse ? "response-body-chunk" : "request-body-chunk";
  return bodyEvents({ kind, correlationId, bytes, isStreamed: bodyMode === "stream" });
}

/** Flags that say what the event is about, of which there can be one. */
function subjectsOf({ body, bodyPath, frame, guardrail }: EventSettings): readonly string[] {
  return [
    ...(body === null ? [] : ["--body"]),
    ...(bodyPath === null ? [] : ["--body-file"]),
    ...(frame === null ? [] : ["--frame"]),
    ...(guardrail === null ? [] : ["--guardrail"]),
  ];
}

function assertOneSubject(settings: EventSettings): void {
  const [first, second] = subjectsOf(settings);
  if (second !== undefined) {
    throw new OptionsError("option-invalid", `${first} and ${second} exclude each other; give one of them.`);
  }
}

function hasRequestFlags({ method, uri, clientIp, requestHeaders }: EventSettings): boolean {
  return method !== null || uri !== null || clientIp !== null || requestHeaders.length > 0;
}

/** Headers of flags take the place of those of the file that have the same name. */
function mergeHeaders(base: EventJson, flags: HeaderPairs): EventJson {
  if (flags.length === 0) return {};
  const inFile = base["multi_headers"] ?? base["headers"] ?? {};
  const given = Map.groupBy(flags, ([name]) => name);
  // What is no object of headers is for the reader of events to refuse.
  const kept = Object.entries(inFile).filter(([name]) => !given.has(name.toLowerCase()));
  const added = [...given].map(([name, pairs]) => [name, pairs.map(([, value]) => value)]);
  return { headers: Object.fromEntries([...kept, ...added]), multi_headers: undefined };
}

async function readText(path: string): Promise<string> {
  try {
    return await (path === STDIN ? Bun.stdin : Bun.file(path)).text();
  } catch (error) {
    throw unreadable("event", path, error);
  }
}

async function readBytes(what: string, path: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await (path === STDIN ? Bun.stdin : Bun.file(path)).bytes();
  } catch (error) {
    throw unreadable(what, path, error);
  }
  if (bytes.length <= MAX_PAYLOAD_BYTES) return bytes;
  throw new InputError(
    "event-shape",
    `the ${what} ${path} has ${bytes.length} bytes; an event has at most ${MAX_PAYLOAD_BYTES}`,
  );
}

function unreadable(what: string, path: string, error: unknown): InputError {
  return new InputError("event-unreadable", `cannot read the ${what} ${path}: ${systemReason(error)}`, {
    cause: error,
  });
}
