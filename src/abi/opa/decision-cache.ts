/** Verdicts by the text of the decision they came from: most answers of a policy are a few constants. */

import type { EventKind } from "../../event/event.ts";
import type { Verdict } from "../../event/verdict.ts";
import { type DecisionReader, decodeDecision } from "./decision.ts";

const MAX_ENTRIES = 1024;
const MAX_TEXT_UNITS = 1024;

/** For one rule and one kind of event. */
export class DecisionCache {
  readonly #kind: EventKind;
  readonly #entrypoint: string;
  readonly #reader: DecisionReader;
  readonly #verdicts = new Map<string, Verdict>();

  constructor(kind: EventKind, entrypoint: string, reader: DecisionReader) {
    this.#kind = kind;
    this.#entrypoint = entrypoint;
    this.#reader = reader;
  }

  /** @throws EventFailure; failures are not kept. */
  decode(text: string): Verdict {
    const known = this.#verdicts.get(text);
    if (known !== undefined) return known;
    const verdict = decodeDecision(text, this.#kind, this.#entrypoint, this.#reader);
    if (text.length > MAX_TEXT_UNITS) return verdict;
    if (this.#verdicts.size >= MAX_ENTRIES) this.#verdicts.clear();
    this.#verdicts.set(text, verdict);
    return verdict;
  }
}
