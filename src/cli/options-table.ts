/** The options as the README's table shows them. */

import { describeDefault, isOnByDefault, type NamedOption } from "./option.ts";

export function renderOptionsTable(options: readonly NamedOption[]): string {
  const rows = options.map((option) => {
    const variable = `\`${option.env}\``;
    const fallback = "required" in option.fallback ? "required" : (describeDefault(option) ?? "");
    return `| ${describeFlag(option)} | ${variable} | ${cell(fallback)} | ${cell(option.description)} |`;
  });
  return ["| Option | Variable | Default | What it does |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

function describeFlag(option: NamedOption): string {
  const alias = option.alias === undefined ? "" : `-${option.alias}, `;
  const flag = isOnByDefault(option) ? `no-${option.flag}` : option.flag;
  const value = option.placeholder === undefined ? "" : ` ${option.placeholder}`;
  return `\`${alias}--${flag}${value.replaceAll("|", "\\|")}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
