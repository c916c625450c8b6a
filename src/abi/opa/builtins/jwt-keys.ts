/**
 * Keys that tokens are verified with: an X.509 certificate or a public key in PEM, or a JSON Web Key (Set) (RFC 7517).
 */

import { createPublicKey, createSecretKey, type KeyObject, X509Certificate } from "node:crypto";
import { assertWorkable, orUndefined, UndefinedResult } from "./builtin.ts";

export interface VerificationKey {
  /** Empty when the key names none. */
  readonly algorithm: string;
  readonly id: string;
  readonly key: KeyObject;
}

export const ALGORITHMS: ReadonlySet<string> = new Set([
  ...["RS", "PS", "ES", "HS"].flatMap((family) => ["256", "384", "512"].map((bits) => family + bits)),
  "EdDSA",
]);

const MAX_CACHED = 100;
const MAX_CACHED_UNITS = 65_536;
const MAX_KEYS = 1000;
const PEM = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----[ \t]*(?:\r?\n|$)/;

/** Policies verify many tokens against few keys, which are expensive to read. */
export class KeyCache {
  readonly #known = new Map<string, readonly VerificationKey[]>();

  /** @throws UndefinedResult for what is neither PEM nor JWK. */
  get(text: string): readonly VerificationKey[] {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const keys = orUndefined(() => parseKeys(text));
    if (text.length <= MAX_CACHED_UNITS) {
      if (this.#known.size >= MAX_CACHED) this.#known.clear();
      this.#known.set(text, keys);
    }
    return keys;
  }
}

function parseKeys(text: string): readonly VerificationKey[] {
  const match = PEM.exec(text);
  return match === null ? parseJwks(text) : [parsePem(text, match)];
}

function parsePem(text: string, match: RegExpExecArray): VerificationKey {
  if (match.index + match[0].length < text.length) {
    throw new UndefinedResult("extra data after a PEM certificate block");
  }
  switch (match[1]) {
    case "CERTIFICATE":
      return { algorithm: "", id: "", key: new X509Certificate(match[0]).publicKey };
    case "PUBLIC KEY":
      return { algorithm: "", id: "", key: createPublicKey(match[0]) };
    default:
      throw new UndefinedResult("failed to extract a Key from the PEM certificate");
  }
}

function parseJwks(text: string): readonly VerificationKey[] {
  const parsed: unknown = JSON.parse(text);
  if (!isObject(parsed)) throw new UndefinedResult("no JSON Web Key");
  const list: unknown = "keys" in parsed ? parsed["keys"] : [parsed];
  if (!Array.isArray(list)) throw new UndefinedResult("keys is not a list");
  assertWorkable(list.length, MAX_KEYS, "keys of a JSON Web Key Set");
  const keys: VerificationKey[] = [];
  for (const item of list as readonly unknown[]) {
    if (!isObject(item)) throw new UndefinedResult("a key is not an object");
    const key = parseJwk(item);
    const algorithm = textOf(item["alg"]);
    if (algorithm !== "" && !ALGORITHMS.has(algorithm)) continue;
    if (key !== null) keys.push({ algorithm, id: textOf(item["kid"]), key });
  }
  return keys;
}

/** Null for a private key, which verifies nothing. */
function parseJwk(jwk: Readonly<Record<string, unknown>>): KeyObject | null {
  switch (jwk["kty"]) {
    case "oct":
      return createSecretKey(Buffer.from(textOf(jwk["k"]), "base64url"));
    case "RSA":
    case "EC":
    case "OKP": {
      const key = createPublicKey({ key: jwk, format: "jwk" } as Parameters<typeof createPublicKey>[0]);
      return "d" in jwk ? null : key;
    }
    default:
      throw new UndefinedResult("unknown key type");
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
