/**
 * The text of `--help`, made from a command's options. Eighty columns, so that it fits any terminal.
 */

import { styleText } from "node:util";
import type { ExitCodeMeaning } from "./exit-codes.ts";
import { describeDefault, isOnByDefault, type NamedOperand, type NamedOption } from "./option.ts";
import { PROGRAM } from "./program.ts";

export interface CommandSummary {
  readonly name: string;
  readonly summary: string;
}

export interface HelpPage {
  readonly summary: string;
  /** The command lines of the usage section, without the program's name. */
  readonly usage: readonly string[];
  readonly examples: readonly string[];
  readonly operands: readonly NamedOperand[];
  readonly options: readonly NamedOption[];
  readonly exitCodes: readonly ExitCodeMeaning[];
  /** The commands to choose from; where there is no choice, none is shown. */
  readonly commands: readonly CommandSummary[];
  readonly colour: boolean;
}

const WIDTH = 80;
const TEXT_COLUMN = 34;

export function renderHelp(page: HelpPage): string {
  const heading = (text: string) => (page.colour ? styleText("bold", text, { validateStream: false }) : text);
  const section = (title: string, lines: readonly string[]) => ["", heading(title), ...lines];
  const indent = (lines: readonly string[]) => lines.map((line) => `  ${PROGRAM.name} ${line}`.trimEnd());

  const isTree = page.commands.length > 1;
  const usage = isTree ? [...page.usage, "<command> [options]"] : page.usage;
  const lines = [...wrap(page.summary, WIDTH), ...section("Usage", indent(usage))];
  if (isTree) {
    const rows = page.commands.flatMap(({ name, summary }) => row(name, [summary]));
    lines.push(...section("Commands", rows));
  }
  if (page.operands.length > 0) lines.push(...section("Arguments", page.operands.flatMap(operandRow)));
  for (const [group, options] of Map.groupBy(page.options, (option) => option.group)) {
    lines.push(...section(group, options.flatMap(optionRows)));
  }
  const notes = optionNotes(page.options);
  lines.push(
    ...section("More", [
      ...row("-h, --help", ["Show this page."]),
      ...row("-V, --version", ["Show the version."]),
      ...(notes === "" ? [] : ["", ...wrap(notes, WIDTH - 2).map((line) => `  ${line}`)]),
    ]),
    ...section(
      "Exit codes",
      page.exitCodes.map(([code, meaning]) => `  ${code}  ${meaning}`),
    ),
    ...section("Examples", indent(page.examples)),
  );
  return `${lines.join("\n")}\n`;
}

/** How options are given, as far as this command's options make a difference of it. */
function optionNotes(options: readonly NamedOption[]): string {
  const withVariable = options.filter(({ env }) => env !== undefined);
  const switches = options.filter(({ kind }) => kind.type === "switch");
  const notes: string[] = [];
  if (withVariable.length > 0) {
    const which =
      withVariable.length === options.length ? "Each option" : "An option with a variable in brackets";
    const by = withVariable.length === options.length ? "the variable named in brackets" : "that";
    notes.push(`${which} can be set by ${by}; a flag beats its variable, an empty variable counts as unset.`);
  }
  if (switches.length > 0) {
    const theirVariables = switches.some(({ env }) => env !== undefined)
      ? "; their variables take true/false, 1/0, yes/no or on/off"
      : "";
    notes.push(`Switches take --name, --no-name or --name=false${theirVariables}.`);
  }
  return notes.join(" ");
}

function operandRow(operand: NamedOperand): string[] {
  return row(operand.operand, [operand.description, ...noteOf([sourceNote(operand)])]);
}

function optionRows(option: NamedOption): string[] {
  const flag = isOnByDefault(option) ? `--no-${option.flag}` : `--${option.flag}`;
  const short = option.alias === undefined ? "    " : `-${option.alias}, `;
  const term = `${short}${flag} ${option.placeholder ?? ""}`.trimEnd();
  const repeats = option.kind.type === "list" ? "may be repeated" : null;
  return row(term, [option.description, ...noteOf([option.env ?? null, sourceNote(option), repeats])]);
}

function noteOf(facts: readonly (string | null)[]): string[] {
  const known = facts.filter((fact) => fact !== null);
  return known.length === 0 ? [] : [`[${known.join(", ")}]`];
}

/** Null for a switch of a single run that is off: that goes without saying. */
function sourceNote(parameter: NamedOption | NamedOperand): string | null {
  if ("required" in parameter.fallback) return "required";
  const isPlainSwitch =
    "flag" in parameter && parameter.env === undefined && parameter.kind.type === "switch";
  return isPlainSwitch ? null : `default: ${describeDefault(parameter)}`;
}

/** A term on the left, paragraphs on the right; a long term has a line of its own. */
function row(term: string, paragraphs: readonly string[]): string[] {
  const [first = "", ...rest] = paragraphs.flatMap((paragraph) => wrap(paragraph, WIDTH - TEXT_COLUMN));
  const left = `  ${term}`;
  const pad = " ".repeat(TEXT_COLUMN);
  const head = left.length + 2 <= TEXT_COLUMN ? [left.padEnd(TEXT_COLUMN) + first] : [left, pad + first];
  return [...head, ...rest.map((line) => pad + line)];
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
