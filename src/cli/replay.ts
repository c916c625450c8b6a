/** The command that asks another module what a recording holds, and shows where it decides otherwise. */

import { InputError } from "../event/input-error.ts";
import { type Difference, showDecision } from "../tools/compare-outcomes.ts";
import { eventTitle } from "../tools/event-title.ts";
import { readRecording } from "../telemetry/recording/recording.ts";
import { type ReplayedEvent, replay } from "../tools/replay.ts";
import { capText, escapeInvisible, printableJson } from "../telemetry/hostile-text.ts";
import { type DescribedCommand, defineAgentCommand } from "./agent-command.ts";
import { decisionStyle } from "./call-report.ts";
import { ExitCode } from "./exit-codes.ts";
import { CONFIG_OPTION, GUEST_OPTIONS, JSON_OPTION } from "./guest-options.ts";
import { type GuestFiles, openGuest } from "./open-guest.ts";
import { SERVE_OPTIONS } from "./options.ts";
import { type Paint, paintWith } from "./paint.ts";
import { wantsColour } from "./surroundings.ts";
import { pathKind } from "./value-kind.ts";

interface ReplaySettings extends GuestFiles {
  readonly recordingPath: string;
  readonly json: boolean;
}

interface Tally {
  events: number;
  different: number;
  /** Events some of whose header values were not recorded. */
  redacted: number;
  /** The last line, when it ends in its middle; it is no event. */
  cutLine: number | null;
}

const MAX_TEXT_LENGTH = 300;

export function replayCommand(): DescribedCommand {
  return defineAgentCommand<ReplaySettings>({
    name: "replay",
    summary: "Ask a module what a recording holds, and show what differs.",
    purpose:
      "Asks a module every event of a recording (made with --record), and shows where it decides otherwise than was " +
      "recorded. Headers whose values were not recorded reach the module as [redacted].",
    usage: ["replay <recording> --module <file> [options]"],
    examples: ["replay events.jsonl --module new.wasm", "replay events.jsonl --module new.wasm --json"],
    exitCodes: [
      [ExitCode.ok, "no verdict differs"],
      [ExitCode.failure, "at least one verdict differs"],
      [ExitCode.usage, "wrong usage, or a module or recording that cannot be used"],
    ],
    options: {
      recordingPath: {
        operand: "<recording>",
        kind: pathKind(),
        fallback: { required: true },
        description: "The file that --record wrote; - reads standard input.",
      },
      modulePath: SERVE_OPTIONS.modulePath,
      configPath: CONFIG_OPTION,
      ...GUEST_OPTIONS,
      json: {
        ...JSON_OPTION,
        description: "Print one JSON object for each difference, and one for the count.",
      },
    },
    run: async (settings, surroundings) => {
      const { env, stdout, stdoutIsTerminal } = surroundings;
      const guest = await openGuest(settings, surroundings);
      const paint = paintWith(wantsColour(env, stdoutIsTerminal));
      const tally: Tally = { events: 0, different: 0, redacted: 0, cutLine: null };
      const recording = readRecording(settings.recordingPath, (line) => {
        tally.cutLine = line;
      });
      for await (const replayed of replay(recording, guest)) {
        tally.events++;
        if (replayed.isRedacted) tally.redacted++;
        if (replayed.differences.length === 0) continue;
        tally.different++;
        stdout.write(settings.json ? jsonDifference(replayed) : textDifference(replayed, paint));
      }
      // A comparison of nothing must not pass for a good one.
      if (tally.events === 0) {
        throw new InputError("recording-empty", `the recording ${settings.recordingPath} holds no events`);
      }
      stdout.write(settings.json ? jsonTally(tally) : textTally(tally, paint));
      return tally.different === 0 ? ExitCode.ok : ExitCode.failure;
    },
  });
}

function jsonDifference({ line, event, before, after, differences }: ReplayedEvent): string {
  const fields = {
    line,
    correlation_id: event.correlationId,
    event: eventTitle(event),
    before,
    after,
    differences,
  };
  return `${printableJson(fields)}\n`;
}

function textDifference({ line, event, before, after, differences }: ReplayedEvent, paint: Paint): string {
  const title = `${paint("bold", `line ${line}`)}  ${shown(eventTitle(event))}`;
  const [first, ...others] = differences;
  const isDecision = first?.where === "decision";
  const decision = isDecision
    ? `  ${paint(decisionStyle(before), shown(showDecision(before)))} → ${paint(decisionStyle(after), shown(showDecision(after)))}`
    : `  ${paint(decisionStyle(after), shown(showDecision(after)))}, as before`;
  const rest = isDecision ? others : differences;
  return `${[title, decision, ...rest.map(differenceLine)].join("\n")}\n`;
}

function differenceLine({ where, before, after }: Difference): string {
  return `    ${shown(where)}: ${shown(before)} → ${shown(after)}`;
}

function jsonTally({ cutLine, ...counts }: Tally): string {
  return `${JSON.stringify({ ...counts, ...(cutLine === null ? {} : { cut_line: cutLine }) })}\n`;
}

function textTally({ events, different, redacted, cutLine }: Tally, paint: Paint): string {
  const result =
    different === 0
      ? paint("green", `${events} events, no verdict differs.`)
      : paint(
          "yellow",
          `${events} events, ${different} ${different === 1 ? "verdict differs" : "verdicts differ"}.`,
        );
  const note = redacted === 0 ? "" : `${redacted} of them with header values that were not recorded.\n`;
  const cut = cutLine === null ? "" : `Line ${cutLine} ends in its middle and was left out.\n`;
  return `${different === 0 ? "" : "\n"}${result}\n${note}${cut}`;
}

function shown(text: string): string {
  return escapeInvisible(capText(text, MAX_TEXT_LENGTH));
}
