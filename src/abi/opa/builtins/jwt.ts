/** JSON Web Tokens: `io.jwt.decode`, `io.jwt.verify_*` and `io.jwt.decode_verify` (RFC 7515, RFC 7519). */

import { parseRego } from "../values/rego-text.ts";
import { RegoNumber } from "../values/rego-number.ts";
import { compareNumbers } from "../values/rego-order.ts";
import { bytesOf, isArray, RegoObject, type RegoValue, stringOf } from "../values/rego-value.ts";
import {
  assertWorkable,
  type Builtin,
  type BuiltinTable,
  type EvaluationContext,
  objectArgument,
  orUndefined,
  stringArgument,
  UndefinedResult,
  UNITS_PER_US,
} from "./builtin.ts";
import { ALGORITHMS, KeyCache, type VerificationKey } from "./jwt-keys.ts";
import { isAuthentic, isSigned } from "./jwt-signature.ts";

const MAX_TOKEN_UNITS = 1024 * 1024;
const JSON_LIMITS = { maxDepth: 128, maxValues: 65_536 };
const UNITS_PER_CHARACTER = 10;
/** An RSA signature of 2048 bits takes some 30 µs, one on a curve up to 200. */
const UNITS_PER_SIGNATURE = 100 * UNITS_PER_US;

export function makeJwt(): BuiltinTable {
  const keys = new KeyCache();
  const asymmetric = [
    ...["RS", "PS", "ES"].flatMap((family) => ["256", "384", "512"].map((bits) => family + bits)),
    "EdDSA",
  ];
  return Object.fromEntries<Builtin>([
    ["io.jwt.decode", (args, context) => decode(stringArgument(args, 0), context)],
    ["io.jwt.decode_verify", (args, context) => decodeVerify(args, keys, context)],
    ...asymmetric.map((algorithm): [string, Builtin] => [
      `io.jwt.verify_${algorithm.toLowerCase()}`,
      (args, context) => verifyWithKeys(algorithm, args, keys, context),
    ]),
    ...["HS256", "HS384", "HS512"].map((algorithm): [string, Builtin] => [
      `io.jwt.verify_${algorithm.toLowerCase()}`,
      (args, context) => verifyWithSecret(algorithm, args, context),
    ]),
  ]);
}

interface Token {
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
}

function splitToken(text: string, context: EvaluationContext): Token {
  assertWorkable(text.length, MAX_TOKEN_UNITS, "characters of a token");
  context.charge(text.length * UNITS_PER_CHARACTER);
  const [header, payload, signature, ...rest] = text.split(".");
  if (header === undefined || payload === undefined || signature === undefined || rest.length > 0) {
    throw new UndefinedResult("encoded JWT must have 3 sections");
  }
  return { header, payload, signature };
}

const BASE64URL = /^[A-Za-z0-9_-]*={0,2}$/;

/** Padding may be left out (RFC 7515, appendix C), and line ends are ignored. */
function decodeBase64Url(text: string): Buffer {
  const compact = text.replace(/[\r\n]/g, "");
  const isPadded = text.endsWith("=");
  const isWhole = isPadded ? compact.length % 4 === 0 : text.length % 4 !== 1 && compact.length % 4 !== 1;
  if (!BASE64URL.test(compact) || !isWhole) throw new UndefinedResult("illegal base64url string");
  return Buffer.from(compact, "base64url");
}

/** Numbers keep all their digits; of a repeated key the last counts. */
function parseObject(bytes: Buffer): RegoObject {
  const text = stringOf(bytes).toWellFormed();
  const value = orUndefined(() => {
    JSON.parse(text);
    return parseRego(text, JSON_LIMITS);
  });
  if (!(value instanceof RegoObject)) throw new UndefinedResult("decoded JSON type was not an Object");
  return value;
}

function decodeHeader({ header }: Token): RegoObject {
  const decoded = parseObject(decodeBase64Url(header));
  if (decoded.get("enc") !== undefined)
    throw new UndefinedResult("JWT is a JWE object, which is not supported");
  return decoded;
}

function decode(text: string, context: EvaluationContext): RegoValue {
  const token = splitToken(text, context);
  const header = decodeHeader(token);
  const payload = decodeBase64Url(token.payload);
  const contentType = header.get("cty");
  if (contentType !== undefined && typeof contentType !== "string")
    throw new UndefinedResult("cty is no string");
  // A token inside of the token, which may stand in quotes.
  if (contentType === "JWT") return decode(stringOf(payload).replace(/^["']+|["']+$/g, ""), context);
  return [header, parseObject(payload), decodeBase64Url(token.signature).toString("hex")];
}

function signedPart({ header, payload }: Token): Buffer {
  return bytesOf(`${header}.${payload}`);
}

function verifyWithSecret(
  algorithm: string,
  args: readonly RegoValue[],
  context: EvaluationContext,
): boolean {
  const token = splitToken(stringArgument(args, 0), context);
  const secret = bytesOf(stringArgument(args, 1));
  return isAuthentic(algorithm, secret, signedPart(token), decodeBase64Url(token.signature));
}

function verifyWithKeys(
  algorithm: string,
  args: readonly RegoValue[],
  cache: KeyCache,
  context: EvaluationContext,
): boolean {
  const token = splitToken(stringArgument(args, 0), context);
  const keys = cache.get(stringArgument(args, 1));
  const signature = decodeBase64Url(token.signature);
  const header = readHeader(decodeHeader(token));
  return isSignedByAny(keys, header, algorithm, signedPart(token), signature, context);
}

/** A key that the token names is the only one that counts; else each that is for the token's algorithm. */
function isSignedByAny(
  keys: readonly VerificationKey[],
  header: TokenHeader,
  algorithm: string,
  signed: Buffer,
  signature: Buffer,
  context: EvaluationContext,
): boolean {
  const named = header.kid === "" ? undefined : keys.find(({ id }) => id === header.kid);
  const candidates =
    named !== undefined
      ? [named]
      : keys.filter((key) => key.algorithm === "" || key.algorithm === header.alg);
  return candidates.some(({ key }) => {
    context.assertInTime();
    context.charge(UNITS_PER_SIGNATURE);
    return isSigned(algorithm, key, signed, signature);
  });
}

interface TokenHeader {
  readonly alg: string;
  readonly kid: string;
  readonly cty: string;
  readonly hasUnknownCritical: boolean;
}

const KNOWN_HEADERS: ReadonlySet<RegoValue> = new Set(["alg", "kid", "typ", "cty", "crit"]);

function readHeader(header: RegoObject): TokenHeader {
  const text = (name: string): string => {
    const value = header.get(name) ?? "";
    if (typeof value !== "string") throw new UndefinedResult(`${name}: must be a string`);
    return value;
  };
  text("typ");
  const critical = header.get("crit") ?? [];
  if (!isArray(critical)) throw new UndefinedResult("crit: must be a list");
  if (header.get("crit") !== undefined && !critical.some((name) => typeof name === "string")) {
    throw new UndefinedResult("crit: must be a nonempty list");
  }
  const hasUnknownCritical = critical.some(
    (name) => !KNOWN_HEADERS.has(name) && header.get(name) !== undefined,
  );
  return { alg: text("alg"), kid: text("kid"), cty: text("cty"), hasUnknownCritical };
}

interface Constraints {
  readonly keys: readonly VerificationKey[] | null;
  readonly secret: string;
  readonly alg: string;
  readonly iss: string;
  readonly aud: string;
  readonly timeNs: number;
}

const CONSTRAINTS: ReadonlySet<RegoValue> = new Set(["cert", "secret", "alg", "iss", "aud", "time"]);

function readConstraints(given: RegoObject, cache: KeyCache, context: EvaluationContext): Constraints {
  for (const [name] of given.entries()) {
    if (!CONSTRAINTS.has(name)) throw new UndefinedResult("unknown token validation constraint");
  }
  const text = (name: string): string => {
    const value = given.get(name) ?? "";
    if (typeof value !== "string") throw new UndefinedResult(`${name} constraint: must be a string`);
    return value;
  };
  const keys = given.get("cert") === undefined ? null : cache.get(text("cert"));
  const secret = text("secret");
  if ((keys === null) === (secret === "")) {
    throw new UndefinedResult(keys === null ? "no key constraint" : "duplicate key constraints");
  }
  const time = given.get("time") ?? RegoNumber.of(context.nowNs);
  if (!(time instanceof RegoNumber) || time.value < 0) throw new UndefinedResult("token time constraint");
  return { keys, secret, alg: text("alg"), iss: text("iss"), aud: text("aud"), timeNs: time.value };
}

function decodeVerify(
  args: readonly RegoValue[],
  cache: KeyCache,
  context: EvaluationContext,
): readonly RegoValue[] {
  const constraints = readConstraints(objectArgument(args, 1), cache, context);
  const verified = verifyNested(stringArgument(args, 0), constraints, context);
  if (verified === null || !meetsClaims(verified.payload, constraints)) {
    return [false, new RegoObject(), new RegoObject()];
  }
  return [true, verified.header, verified.payload];
}

/** Null when the signature or the algorithm is not what it must be. A token may hold another, signed as well. */
function verifyNested(
  text: string,
  constraints: Constraints,
  context: EvaluationContext,
): { readonly header: RegoObject; readonly payload: RegoObject } | null {
  for (let current = text; ; ) {
    context.assertInTime();
    const token = splitToken(current, context);
    const decoded = decodeHeader(token);
    const header = readHeader(decoded);
    if (header.alg === "" || header.hasUnknownCritical) return null;
    if (constraints.alg !== "" && constraints.alg !== header.alg) return null;
    const signature = decodeBase64Url(token.signature);
    if (!meetsSignature(token, header, signature, constraints, context)) return null;
    const payload = decodeBase64Url(token.payload);
    if (header.cty.toUpperCase() !== "JWT") return { header: decoded, payload: parseObject(payload) };
    current = stringOf(payload);
  }
}

function meetsSignature(
  token: Token,
  header: TokenHeader,
  signature: Buffer,
  { keys, secret }: Constraints,
  context: EvaluationContext,
): boolean {
  if (!ALGORITHMS.has(header.alg)) return false;
  const signed = signedPart(token);
  if (keys !== null) return isSignedByAny(keys, header, header.alg, signed, signature, context);
  return header.alg.startsWith("HS") && isAuthentic(header.alg, bytesOf(secret), signed, signature);
}

function meetsClaims(payload: RegoObject, { iss, aud, timeNs }: Constraints): boolean {
  const now = new RegoNumber(String(timeNs / 1e9));
  const issuer = payload.get("iss");
  if (iss !== "") {
    if (issuer !== undefined && typeof issuer !== "string") throw new UndefinedResult("iss is no string");
    if (issuer !== iss) return false;
  }
  const audience = payload.get("aud");
  if (audience === undefined ? aud !== "" : !isAudience(audience, aud)) return false;
  const expires = numberClaim(payload, "exp");
  if (expires !== null && compareNumbers(now, expires) >= 0) return false;
  const starts = numberClaim(payload, "nbf");
  return starts === null || compareNumbers(now, starts) >= 0;
}

function isAudience(value: RegoValue, wanted: string): boolean {
  return isArray(value) ? value.includes(wanted) : value === wanted;
}

function numberClaim(payload: RegoObject, name: string): RegoNumber | null {
  const value = payload.get(name);
  if (value === undefined) return null;
  if (!(value instanceof RegoNumber)) throw new UndefinedResult(`${name} value must be a number`);
  return value;
}
