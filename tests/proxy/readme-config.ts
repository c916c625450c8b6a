/**
 * The proxy configurations in a Markdown text: every block fenced as `kdl`, each a whole file. The word behind `kdl`
 * names its era; without one it is meant for both.
 */

import type { ProxyEra } from "./config.ts";

export interface ConfigBlock {
  readonly eras: readonly ProxyEra[];
  readonly text: string;
  /** Of the opening fence, counted from 1. */
  readonly line: number;
}

const FENCED = /^```kdl(?:[ \t]+(\w+))?[ \t]*\n([\s\S]*?)^```[ \t]*$/gm;

/** @throws Error for an era that does not exist. */
export function configBlocks(markdown: string): readonly ConfigBlock[] {
  return [...markdown.matchAll(FENCED)].map((match) => {
    const line = markdown.slice(0, match.index).split("\n").length;
    return { eras: erasOf(match[1], line), text: match[2]!, line };
  });
}

function erasOf(word: string | undefined, line: number): readonly ProxyEra[] {
  if (word === undefined) return ["sentinel", "zentinel"];
  if (word === "sentinel" || word === "zentinel") return [word];
  throw new Error(`the block at line ${line} says kdl ${word}; the eras are sentinel and zentinel`);
}
