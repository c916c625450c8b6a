/**
 * The manual page, made from what the commands say of themselves. Written in the man(7) macros, which groff and mandoc
 * both read. It carries no date: the same version always has the same page.
 */

import type { CommandDescription } from "./agent-command.ts";
import type { ExitCodeMeaning } from "./exit-codes.ts";
import { describeDefault, isOnByDefault, type NamedOperand, type NamedOption } from "./option.ts";
import { PROGRAM } from "./program.ts";

/** The first command is the default one: its options are those of the program. */
export function renderManPage(commands: readonly CommandDescription[]): string {
  const [main, ...others] = commands;
  if (main === undefined) return "";
  const lines = [
    `.TH ${roff(PROGRAM.name.toUpperCase())} 1 "" ${quoted(`${PROGRAM.name} ${PROGRAM.version}`)} "User Commands"`,
    // Names of options and variables are copied from here: none is hyphenated.
    ".nh",
    ".ad l",
    ".SH NAME",
    `${roff(PROGRAM.name)} \\- WebAssembly agent for the Sentinel (Zentinel) reverse proxy`,
    ".SH SYNOPSIS",
    ...commands.flatMap(({ usage }) => usage.map(commandLine)),
    ".SH DESCRIPTION",
    text(PROGRAM.description),
    ".PP",
    text(
      "The proxy connects to a Unix socket and asks about every request and response; the module answers allow, " +
        "block or redirect, with header changes and audit tags. A module that fails costs one request: its answer " +
        "is then a block with status 500, or allow with --fail-open.",
    ),
    ".SH OPTIONS",
    ...parameterLines(main, ".SS"),
    ".SS Built in",
    ...term(`${bold("--help")}, ${bold("-h")}`, [
      text("Show the help page, of a command that is named before it."),
    ]),
    ...term(`${bold("--version")}, ${bold("-V")}`, [text("Show the version.")]),
    ...(others.length === 0 ? [] : [".SH COMMANDS", ...others.flatMap(commandSection)]),
    ".SH ENVIRONMENT",
    text(
      "The variable named with an option sets it, too. The option beats the variable; an empty variable counts as " +
        "unset. Switches are true/false, 1/0, yes/no or on/off.",
    ),
    ".SH EXIT STATUS",
    ...exitStatus(main.exitCodes),
    ".SH SIGNALS",
    ...term(`${bold("SIGTERM")}, ${bold("SIGINT")}`, [
      text("Stop accepting, answer what is in flight, end with 0. A second one ends at once."),
    ]),
    ...term(bold("SIGHUP"), [text("Load the module's file again, without refusing or failing a request.")]),
    ".SH FILES",
    ...term("\\fI/etc/sentinel/wasm\\-agent.env\\fR", [
      text("Variables for the systemd service, as the packages install it."),
    ]),
    ...term("\\fI/run/sentinel/wasm\\-agent.sock\\fR", [text("The socket of the systemd service.")]),
    ".SH EXAMPLES",
    ...commands.flatMap(({ examples }) =>
      examples.flatMap((example) => [".PP", ".EX", programLine(example), ".EE"]),
    ),
    ".SH SEE ALSO",
    "\\fBsystemctl\\fR(1), \\fBsystemd.socket\\fR(5)",
  ];
  return `${lines.join("\n")}\n`;
}

function commandSection(command: CommandDescription): string[] {
  return [
    `.SS ${quoted(command.name)}`,
    text(command.purpose),
    ...command.usage.flatMap((usage) => [".PP", ".EX", programLine(usage), ".EE"]),
    ...parameterLines(command, null),
    ".PP",
    text("Exit status:"),
    ...exitStatus(command.exitCodes),
  ];
}

/** Under `heading`, options stand in their groups; without one, they stand in one list. */
function parameterLines(command: CommandDescription, heading: ".SS" | null): string[] {
  const operands = command.operands.flatMap(operandLines);
  if (heading === null) return [...operands, ...command.options.flatMap(optionLines)];
  const groups = Map.groupBy(command.options, (option) => option.group);
  const sections = [...groups].flatMap(([group, options]) => [
    `${heading} ${quoted(group)}`,
    ...options.flatMap(optionLines),
  ]);
  return [...operands, ...sections];
}

function operandLines(operand: NamedOperand): string[] {
  return term(italic(operand.operand), [text(operand.description), ...noteLines([defaultNote(operand)])]);
}

function optionLines(option: NamedOption): string[] {
  const long = bold(isOnByDefault(option) ? `--no-${option.flag}` : `--${option.flag}`);
  const short = option.alias === undefined ? "" : `, ${bold(`-${option.alias}`)}`;
  const value = option.placeholder === undefined ? "" : ` ${italic(option.placeholder)}`;
  const notes = noteLines([
    option.env === undefined ? null : `Variable: ${option.env}.`,
    option.kind.type === "list" ? "May be repeated." : null,
    defaultNote(option),
  ]);
  return term(long + short + value, [text(option.description), ...notes]);
}

function noteLines(notes: readonly (string | null)[]): string[] {
  return notes.filter((note) => note !== null).map(text);
}

function defaultNote(parameter: NamedOption | NamedOperand): string | null {
  if ("required" in parameter.fallback) return "Required.";
  if (parameter.kind.type === "switch") return null;
  const words = describeDefault(parameter);
  return words === null || words === "" ? null : `Default: ${words}.`;
}

function exitStatus(meanings: readonly ExitCodeMeaning[]): string[] {
  return meanings.flatMap(([code, meaning]) => term(bold(String(code)), [text(`${meaning}.`)]));
}

function commandLine(usage: string): string {
  return `.PP\n${bold(PROGRAM.name)} ${roff(usage)}`;
}

function programLine(rest: string): string {
  return `${roff(PROGRAM.name)} ${roff(rest)}`;
}

/** A tagged paragraph; both are ready-made roff. */
function term(head: string, body: readonly string[]): string[] {
  return [".TP", head, ...body];
}

function bold(words: string): string {
  return `\\fB${roff(words)}\\fR`;
}

function italic(words: string): string {
  return `\\fI${roff(words)}\\fR`;
}

function quoted(words: string): string {
  return `"${roff(words).replaceAll('"', "\\(dq")}"`;
}

/** A line of running text: one that opens with a dot or an apostrophe would be read as a request. */
function text(words: string): string {
  const escaped = roff(words);
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

function roff(words: string): string {
  return words.replaceAll("\\", "\\e").replaceAll("-", "\\-");
}
