/** The command that asks a module about one event and shows all that comes of it. */

import type { BenchGuest } from "../tools/bench-guest.ts";
import { type RepeatReport, repeatCalls } from "../tools/repeat-calls.ts";
import type { HeadersEvent } from "../event/event.ts";
import { EventFailure } from "../event/failure.ts";
import { type DescribedCommand, defineAgentCommand } from "./agent-command.ts";
import { type EventSettings, readCallEvent } from "./call-event.ts";
import { type CallReport, jsonCallReport, textCallReport } from "./call-report.ts";
import { ExitCode } from "./exit-codes.ts";
import { CONFIG_OPTION, GUEST_OPTIONS, JSON_OPTION } from "./guest-options.ts";
import { type GuestFiles, openGuest } from "./open-guest.ts";
import type { Option, ParameterTable } from "./option.ts";
import { paintWith } from "./paint.ts";
import { ProgressBar } from "./progress-bar.ts";
import { type Surroundings, wantsColour } from "./surroundings.ts";
import { headerKind, integerKind, listKind, pathKind, textKind } from "./value-kind.ts";

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
    description: "The status of a response. With it the event is a response.",
    group: EVENT,
  },
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
      "log, time, fuel and memory.",
    usage: ["call <module.wasm> [options]"],
    examples: [
      "call policy.wasm --uri /admin --header 'user-agent: sqlmap'",
      "call policy.wasm --status 200 --header 'server: nginx'",
      "call policy.wasm --event events.jsonl --line 7 --repeat 10000",
    ],
    exitCodes: [
      [ExitCode.ok, "allow"],
      [ExitCode.failure, "the module failed on the event"],
      [ExitCode.usage, "wrong usage, or a module or file that cannot be used"],
      [ExitCode.blocked, "block"],
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
      const event = await readCallEvent(settings);
      const guest = await openGuest(settings, surroundings);
      const answer = guest.call(event);
      const lines = guest.takeLines();
      const refusals = guest.takeRefusals();
      const repeated = repeatIfWanted(
        guest,
        event,
        answer.outcome instanceof EventFailure ? 0 : settings.repeat,
        surroundings,
      );
      const report: CallReport = {
        event,
        isHandled: guest.handles(event),
        answer,
        lines,
        refusals,
        repeated,
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

function repeatIfWanted(
  guest: BenchGuest,
  event: HeadersEvent,
  calls: number,
  { stderr, stderrIsTerminal }: Surroundings,
): RepeatReport | null {
  if (calls === 0) return null;
  const bar = new ProgressBar(calls, stderr, stderrIsTerminal);
  const report = repeatCalls(guest, event, { calls, onProgress: (done) => bar.show(done) });
  bar.clear();
  return report;
}

function exitCodeOf({ answer: { outcome }, repeated }: CallReport): ExitCode {
  if (outcome instanceof EventFailure || (repeated !== null && repeated.failure !== null))
    return ExitCode.failure;
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
