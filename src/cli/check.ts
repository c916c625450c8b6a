/** The command that looks a module over and says what to do about each thing it finds. */

import { GuestConfig } from "../agent/guest-config.ts";
import { checkModule, type ModuleReport } from "../tools/check/check-module.ts";
import { FINDING_AREAS, type Finding, type FindingLevel } from "../tools/check/finding.ts";
import type { GuestSettings } from "../tools/guest-settings.ts";
import { showBytes } from "../tools/show-bytes.ts";
import { capText, escapeInvisible, printableJson } from "../telemetry/hostile-text.ts";
import { readModuleFile } from "../wasm/load-module.ts";
import { type DescribedCommand, defineAgentCommand } from "./agent-command.ts";
import { ExitCode } from "./exit-codes.ts";
import { CONFIG_OPTION, GUEST_OPTIONS, JSON_OPTION } from "./guest-options.ts";
import { type Paint, paintWith, type Style } from "./paint.ts";
import { wantsColour } from "./surroundings.ts";
import { pathKind } from "./value-kind.ts";

/** Without the switch for limits: whether a module can live with them is among the things that are checked. */
interface CheckSettings extends Omit<GuestSettings, "limits"> {
  readonly modulePath: string;
  readonly configPath: string | null;
  readonly json: boolean;
}

const { limits: _limits, ...CHECK_GUEST_OPTIONS } = GUEST_OPTIONS;

const MARKS: Readonly<Record<FindingLevel, readonly [Style, string]>> = {
  ok: ["green", "✓"],
  note: ["cyan", "·"],
  warning: ["yellow", "!"],
  error: ["red", "✗"],
};
const SUBJECT_WIDTH = 22;
/** A guest chooses some of what is shown. */
const MAX_TEXT_LENGTH = 1000;

export function checkCommand(): DescribedCommand {
  return defineAgentCommand<CheckSettings>({
    name: "check",
    summary: "Say what is right and wrong with a module, and what to do.",
    purpose:
      "Looks a module over: exports and imports, how it starts, memory, features, names, whether it answers sample " +
      "events and whether it leaks. Each finding says what to do.",
    usage: ["check <module.wasm> [options]"],
    examples: ["check policy.wasm", "check policy.wasm --json", "check policy.wasm --config config.json"],
    exitCodes: [
      [ExitCode.ok, "the module can be served, perhaps with warnings"],
      [ExitCode.failure, "the module cannot be served"],
      [ExitCode.usage, "wrong usage, or a file that cannot be read"],
    ],
    options: {
      modulePath: {
        operand: "<module.wasm>",
        kind: pathKind(),
        fallback: { required: true },
        description: "The module to look at.",
      },
      configPath: CONFIG_OPTION,
      ...CHECK_GUEST_OPTIONS,
      json: JSON_OPTION,
    },
    run: async (settings, { env, stdout, stdoutIsTerminal }) => {
      const bytes = await readModuleFile(settings.modulePath);
      const config = new GuestConfig(settings.configPath, { mayBePipe: true });
      const report = await checkModule(bytes, { ...settings, limits: true }, config);
      stdout.write(
        settings.json
          ? jsonReport(settings.modulePath, report)
          : textReport(settings.modulePath, report, paintWith(wantsColour(env, stdoutIsTerminal))),
      );
      return report.canBeServed ? ExitCode.ok : ExitCode.failure;
    },
  });
}

function jsonReport(module: string, report: ModuleReport): string {
  const { sha256, sizeBytes, canBeServed, findings } = report;
  return `${printableJson({ module, sha256, size_bytes: sizeBytes, can_be_served: canBeServed, findings }, 2)}\n`;
}

function textReport(path: string, report: ModuleReport, paint: Paint): string {
  const size = showBytes(report.sizeBytes);
  const lines = [`${paint("bold", shown(path))}  ${size}  sha256 ${report.sha256}`];
  for (const area of FINDING_AREAS) {
    const findings = report.findings.filter((finding) => finding.area === area);
    if (findings.length === 0) continue;
    lines.push("", paint("bold", area), ...findings.flatMap((finding) => findingLines(finding, paint)));
  }
  lines.push("", conclusion(report, paint));
  return `${lines.join("\n")}\n`;
}

function findingLines({ subject, level, message, advice }: Finding, paint: Paint): string[] {
  const [style, mark] = MARKS[level];
  const line = `  ${paint(style, mark)} ${shown(subject).padEnd(SUBJECT_WIDTH)}  ${shown(message)}`;
  return advice === null ? [line] : [line, `    ${paint("dim", `→ ${shown(advice)}`)}`];
}

function conclusion({ canBeServed, findings }: ModuleReport, paint: Paint): string {
  const errors = count(findings, "error", "error");
  const warnings = count(findings, "warning", "warning");
  const facts = [errors, warnings].filter((fact) => fact !== "").join(", ");
  const tail = facts === "" ? "." : `: ${facts}.`;
  return canBeServed
    ? paint("green", `The module can be served${tail}`)
    : paint("red", `The module cannot be served${tail}`);
}

function count(findings: readonly Finding[], level: FindingLevel, word: string): string {
  const { length } = findings.filter((finding) => finding.level === level);
  return length === 0 ? "" : `${length} ${word}${length === 1 ? "" : "s"}`;
}

function shown(text: string): string {
  return escapeInvisible(capText(text, MAX_TEXT_LENGTH));
}
