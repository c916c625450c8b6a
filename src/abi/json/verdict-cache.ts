/**
 * Verdicts by the text of the result they came from. Guests repeat themselves: most answers of a policy are a few
 * constants, and equal texts mean equal verdicts, so parsing, checking and later spelling them out happens once.
 *
 * Bounded in entries and in the length of a text. When full it starts afresh, which costs a guest that never repeats
 * itself one insertion a call and nothing else.
 */

import type { EventKind } from "../../event/event.ts";
import type { Verdict } from "../../event/verdict.ts";
import { decodeResult } from "./result-decoder.ts";

const MAX_ENTRIES = 1024;
const MAX_TEXT_UNITS = 1024;

export class VerdictCache {
  readonly #verdicts = new Map<string, Verdict>();

  /** The verdict of a result. Throws as `decodeResult` does; failures are not kept. */
  decode(text: string, kind: EventKind): Verdict {
    if (text.length > MAX_TEXT_UNITS || !isOfHeaders(kind)) return decodeResult(text, kind);
    const known = this.#verdicts.get(text);
    if (known !== undefined) return known;
    const verdict = decodeResult(text, kind);
    if (this.#verdicts.size >= MAX_ENTRIES) this.#verdicts.clear();
    this.#verdicts.set(text, verdict);
    return verdict;
  }
}

/** Results of other kinds can mean something else, and seldom repeat. */
function isOfHeaders(kind: EventKind): boolean {
  return kind === "request-headers" || kind === "response-headers";
}
