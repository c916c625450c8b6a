/** The event that the options of `call` describe: from a file, from standard input, or put together from flags. */

import { InputError, systemReason } from "../event/input-error.ts";
import { readEvent } from "../telemetry/recording/event-json.ts";
import { type EventJson, readEventText } from "../tools/read-event-file.ts";
import type { HeadersEvent } from "../event/event.ts";
import { OptionsError } from "./options-error.ts";

export interface EventSettings {
  /** A path, or `-` for standard input; null for an event of flags alone. */
  readonly eventPath: string | null;
  readonly line: number | null;
  readonly method: string | null;
  readonly uri: string | null;
  readonly clientIp: string | null;
  readonly status: number | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

const STDIN = "-";

/** @throws InputError, OptionsError */
export async function readCallEvent(settings: EventSettings): Promise<HeadersEvent> {
  const { eventPath, line, method, uri, clientIp, status, headers } = settings;
  const base = eventPath === null ? {} : readEventText(await readText(eventPath), line);
  if (line !== null && eventPath === null) {
    throw new OptionsError("option-invalid", "--line chooses a line of a file; name the file with --event.");
  }
  const isResponse = status !== null || Object.hasOwn(base, "status");
  const requestFlag =
    method !== null ? "--method" : uri !== null ? "--uri" : clientIp !== null ? "--client-ip" : null;
  if (isResponse && requestFlag !== null) {
    throw new OptionsError(
      "option-invalid",
      `A response has a status and no ${requestFlag.slice(2)}; leave ${requestFlag} out.`,
    );
  }
  return readEvent({
    ...base,
    ...(method === null ? {} : { method }),
    ...(uri === null ? {} : { uri }),
    ...(clientIp === null ? {} : { client_ip: clientIp }),
    ...(status === null ? {} : { status }),
    ...mergeHeaders(base, headers),
  });
}

/** Headers of flags take the place of those of the file that have the same name. */
function mergeHeaders(base: EventJson, flags: EventSettings["headers"]): EventJson {
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
    throw new InputError("event-unreadable", `cannot read the event ${path}: ${systemReason(error)}`, {
      cause: error,
    });
  }
}
