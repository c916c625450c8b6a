/**
 * The document `data` of a policy: that of the bundle, over it the one that the operator gives, over that the one that
 * the proxy pushes. Each replaces whole keys at the top, so nobody has to guess what became of a list inside.
 */

import { RegoObject } from "./values/rego-value.ts";
import { parseRego, type RegoTextLimits, writeRego } from "./values/rego-text.ts";

/** What an operator hands over is trusted, as far as it fits into memory. */
const LIMITS: RegoTextLimits = { maxDepth: 512, maxValues: 50_000_000 };
const NO_DATA = "{}";
/** The key of the proxy's configuration. */
const KEY = "data";

export class PolicyData {
  /** JSON, without what the proxy pushes. */
  readonly base: string;
  /** Instances are configured one after the other with the same text. */
  #lastConfig: string | null = null;
  #lastData: string | null = null;

  /** @param documents JSON of objects; later ones replace keys of earlier ones */
  constructor(documents: readonly string[]) {
    this.base = merge(documents);
  }

  /** The document under a configuration of the proxy; null when its `data` is no object. */
  withConfiguration(configJson: string): string | null {
    if (configJson !== this.#lastConfig) {
      this.#lastData = this.#merged(JSON.parse(configJson));
      this.#lastConfig = configJson;
    }
    return this.#lastData;
  }

  #merged(config: unknown): string | null {
    const data: unknown = isObject(config) ? config[KEY] : undefined;
    if (data === undefined || data === null) return this.base;
    return isObject(data) ? merge([this.base, JSON.stringify(data)]) : null;
  }
}

/** Whether it is JSON of an object. */
export function isDataDocument(json: string): boolean {
  try {
    return isObject(JSON.parse(json));
  } catch {
    return false;
  }
}

/** Numbers keep all their digits. */
function merge(documents: readonly string[]): string {
  if (documents.length <= 1) return documents[0] ?? NO_DATA;
  return writeRego(new RegoObject(documents.flatMap(topEntries)));
}

function topEntries(json: string): ReturnType<RegoObject["entries"]> {
  const value = parseRego(json, LIMITS);
  return value instanceof RegoObject ? value.entries() : [];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
