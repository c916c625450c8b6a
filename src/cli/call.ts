/** The command that asks a module about one event and shows all that comes of it. */

import type { BenchGuest } from "../tools/bench-guest.ts";
import type { Outcome } from "../telemetry/recording/outcome-json.ts";
import { type RepeatReport, repeatCalls } from "../tools/repeat-calls.ts";
import type { EventKind, ProxyEvent } from "../event/event.ts";
import { EventFailure } from "../event/failure.ts";
import { type DescribedCommand, defineAgentCommand } from "./agent-command.ts";
import { type EventSettings, readCallExchange } from "./call-event.ts";
import { type CallReport, type CallStep, jsonCallReport, textCallReport } from "./call-report.ts";
import { ExitCode } from "./exit-codes.ts";
import { CONFIG_OPTION, GUEST_OPTIONS, JSON_OPTION } from "./guest-options.ts";
import { type GuestFiles, openGuest } from "./open-guest.ts";
import type { Option, ParameterTable } from "./option.ts";
import { paintWith } from "./paint.ts";
import { ProgressBar } from "./progress-bar.ts";
import { type Surroundings, wantsColour } from "./surroundings.ts";
import { choiceKind, headerKind, integerKind, listKind, pathKind, textKind } from "./value-kind.ts";

interface CallSettings extends GuestFiles, EventSettings {
  /** Calls after the first; 0 for none. */
  readonly repeat: number;
  readonly json: boolean;
}

const EVENT = "Event";
const MAX_CALLS = 10_000_000;

const EVENT_OPTIONS: ParameterTable<EventSettings> = {
  method: eventOption("method", "<word>", "The method.", "GET"),
  uri: eventOption("uri", "<uri>", "Path and query, as the client writes them.", "/"),
  clientIp: eventOption("client-ip", "<address>", "The client's address.", "127.0.0.1"),
  requestHeaders: {
    flag: "request-header",
    kind: listKind(headerKind()),
    fallback: { describe: "none", choose: () => [] },
    placeholder: "<name:value>",
    description: "A header of the request that comes before what is asked about, such as a response.",
    group: EVENT,
  },
  headers: {
    flag: "header",
    alias: "H",
    kind: listKind(headerKind()),
    fallback: { describe: "none", choose: () => [] },
    placeholder: "<name:value>",
    description: "A header. Its name is sent in lower case, as proxies do.",
    group: EVENT,
  },
  status: {
    flag: "status",
    kind: integerKind({ min: 100, max: 599 }),
    fallback: { describe: "none, so it is a request", choose: () => null },
    placeholder: "<number>",
    description:
      "The status of a response. With it the event is a response, behind the request that --method, --uri, --client-ip and --request-header describe.",
    group: EVENT,
  },
  body: {
    flag: "body",
    kind: textKind("a text"),
    fallback: { describe: "none", choose: () => null },
    placeholder: "<text>",
    description: "The body of the request, or of the response, whose headers come first.",
    group: EVENT,
  },
  bodyPath: {
    flag: "body-file",
    kind: pathKind(),
    fallback: { describe: "none", choose: () => null },
    placeholder: "<file>",
    description: "A file with the body; - reads standard input.",
    group: EVENT,
  },
  bodyMode: {
    flag: "body-mode",
    kind: choiceKind(["buffer", "stream"]),
    fallback: { value: "buffer" },
    placeholder: "buffer|stream",
    description: "How the proxy sends the body of a request: whole, or in pieces that can be replaced.",
    group: EVENT,
  },
  frame: {
    flag: "frame",
    kind: textKind("a text"),
    fallback: { describe: "none", choose: () => null },
    placeholder: "<text|@file>",
    description: "The payload of a WebSocket frame, behind the request and its answer.",
    group: EVENT,
  },
  frameOpcode: {
    flag: "frame-opcode",
    kind: choiceKind(["text", "binary", "continuation", "ping", "pong", "close", "reserved"]),
    fallback: { value: "text" },
    placeholder: "<name>",
    description: "What kind of frame it is: text, binary, continuation, ping, pong, close or reserved.",
    group: EVENT,
  },
  frameFrom: {
    flag: "frame-from",
    kind: choiceKind(["client", "server"]),
    fallback: { value: "client" },
    placeholder: "client|server",
    description: "Who sends the frame.",
    group: EVENT,
  },
  guardrail: eventOption("guardrail", "<text>", "The text of a guardrail check.", "none"),
  eventPath: {
    flag: "event",
    kind: pathKind(),
    fallback: { describe: "none", choose: () => null },
    placeholder: "<file>",
    description:
      'A file with the event: JSON as "schema event" describes it, every key optional, or a recording; - reads standard input. Flags win over it.',
    group: EVENT,
  },
  line: {
    flag: "line",
    kind: integerKind({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    fallback: { describe: "the first", choose: () => null },
    placeholder: "<number>",
    description: "Which line of a recording.",
    group: EVENT,
  },
};

export function callCommand(): DescribedCommand {
  return defineAgentCommand<CallSettings>({
    name: "call",
    summary: "Ask a module about one event.",
    purpose:
      "Asks a module about one event, without a proxy, and shows the decision, header changes, tags, the module's " +
      "log, time, fuel and memory. A body or frame comes behind the headers of its request, as from a proxy.",
    usage: ["call <module.wasm> [options]"],
    examples: [
      "call policy.wasm --uri /admin --header 'user-agent: sqlmap'",
      "call policy.wasm --status 200 --header 'server: nginx'",
      'call policy.wasm --uri /comments --body \'{"text":"hello"}\'',
      "call policy.wasm --event events.jsonl --line 7 --repeat 10000",
    ],
    exitCodes: [
      [ExitCode.ok, "allow"],
      [ExitCode.failure, "the module failed on the event"],
      [ExitCode.usage, "wrong usage, or a module or file that cannot be used"],
      [ExitCode.blocked, "block, or a frame that is dropped or closes its connection"],
      [ExitCode.redirected, "redirect"],
    ],
    options: {
      modulePath: {
        operand: "<module.wasm>",
        kind: pathKind(),
        fallback: { required: true },
        description: "The module to ask.",
      },
      ...EVENT_OPTIONS,
      configPath: CONFIG_OPTION,
      ...GUEST_OPTIONS,
      repeat: {
        flag: "repeat",
        kind: integerKind({ min: 0, max: MAX_CALLS }),
        fallback: { value: 0 },
        placeholder: "<calls>",
        description: "Ask as often again, and tell what a warm call costs and whether memory grows.",
        group: JSON_OPTION.group,
      },
      json: JSON_OPTION,
    },
    run: async (settings, surroundings) => {
      const { env, stdout, stdoutIsTerminal } = surroundings;
      const exchange = await readCallExchange(settings);
      const events = settings.events ?? eventsWithBodies(exchange);
      const guest = await openGuest({ ...settings, events }, surroundings);
      const { steps, unsent } = await callExchange(guest, exchange);
      const isCut = steps.at(-1)!.answer.outcome instanceof EventFailure || unsent.length > 0;
      const calls = isCut ? 0 : settings.repeat;
      const report: CallReport = {
        steps,
        unsent,
        repeated: await repeatIfWanted(guest, exchange, calls, surroundings),
      };
      stdout.write(
        settings.json
          ? jsonCallReport(report)
          : textCallReport(report, paintWith(wantsColour(env, stdoutIsTerminal))),
      );
      return exitCodeOf(report);
    },
  });
}

/** What a proxy that sends these bodies is subscribed to; null where no body says so. */
function eventsWithBodies(exchange: readonly ProxyEvent[]): readonly EventKind[] | null {
  const kinds = exchange.map(({ kind }) => kind);
  return kinds.some((kind) => kind === "request-body-chunk" || kind === "response-body-chunk") ? kinds : null;
}

/** One event after the other, as a proxy sends them: nothing follows one that is refused or fails. */
async function callExchange(
  guest: BenchGuest,
  exchange: readonly ProxyEvent[],
): Promise<Pick<CallReport, "steps" | "unsent">> {
  const steps: CallStep[] = [];
  for (const event of exchange) {
    const answer = await guest.call(event);
    const isLast = steps.length === exchange.length - 1 || isRefused(answer.outcome);
    if (isLast) guest.endExchanges();
    steps.push({
      event,
      isHandled: guest.handles(event),
      answer,
      lines: guest.takeLines(),
      refusals: guest.takeRefusals(),
    });
    if (isLast) break;
  }
  return { steps, unsent: exchange.slice(steps.length) };
}

function isRefused(outcome: Outcome): boolean {
  return outcome instanceof EventFailure || outcome.decision.kind !== "allow";
}

async function repeatIfWanted(
  guest: BenchGuest,
  exchange: readonly ProxyEvent[],
  calls: number,
  { stderr, stderrIsTerminal }: Surroundings,
): Promise<RepeatReport | null> {
  if (calls === 0) return null;
  const bar = new ProgressBar(calls, stderr, stderrIsTerminal);
  const report = await repeatCalls(guest, exchange, { calls, onProgress: (done) => bar.show(done) });
  bar.clear();
  return report;
}

function exitCodeOf({ steps, repeated }: CallReport): ExitCode {
  const { outcome } = steps.at(-1)!.answer;
  if (outcome instanceof EventFailure || (repeated !== null && repeated.failure !== null))
    return ExitCode.failure;
  if (outcome.frame !== undefined) return outcome.frame.kind === "allow" ? ExitCode.ok : ExitCode.blocked;
  switch (outcome.decision.kind) {
    case "allow":
      return ExitCode.ok;
    case "block":
      return ExitCode.blocked;
    case "redirect":
      return ExitCode.redirected;
  }
}

function eventOption(
  flag: string,
  placeholder: string,
  description: string,
  byDefault: string,
): Option<string | null> {
  return {
    flag,
    kind: textKind("a text"),
    fallback: { describe: byDefault, choose: () => null },
    placeholder,
    description,
    group: EVENT,
  };
}
