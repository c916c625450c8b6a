/**
 * The bars and whether they were met, one line each.
 */

import { type Bar, barIsMet } from "../bench.ts";
import { count, figure } from "./figures.ts";

export function barLine(bar: Bar): string {
  const met = barIsMet(bar);
  const mark = met === null ? "not measured" : met ? "met" : "MISSED";
  const unit = bar.unit === "" ? "" : ` ${bar.unit}`;
  const wanted = bar.least !== undefined ? `at least ${bar.least}${unit}` : `at most ${bar.most}${unit}`;
  const aim = bar.aim === undefined ? "" : `, aim ${bar.aim}`;
  return `  ${mark.padEnd(12)} ${bar.text}: ${bar.most === 0 ? count(bar.value) : figure(bar.value)}${unit} (${wanted}${aim})`;
}
