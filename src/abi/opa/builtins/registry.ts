/**
 * The built-in functions that this host has, by name. A group is loaded when a policy asks for one of its functions, so
 * that nobody else pays for its code and its libraries.
 */

import type { Builtin, BuiltinTable } from "./builtin.ts";

interface Group {
  readonly names: readonly string[];
  load(): Promise<BuiltinTable>;
}

const JWT_VERIFIERS = ["rs", "ps", "es", "hs"]
  .flatMap((family) => ["256", "384", "512"].map((bits) => `io.jwt.verify_${family}${bits}`))
  .concat("io.jwt.verify_eddsa");

const GROUPS: readonly Group[] = [
  {
    names: [
      "sprintf",
      "indexof_n",
      "strings.count",
      "strings.split_n",
      "strings.any_prefix_match",
      "strings.any_suffix_match",
    ],
    load: async () => (await import("./strings.ts")).STRINGS,
  },
  { names: ["strings.render_template"], load: async () => (await import("./template.ts")).TEMPLATE },
  {
    names: ["time.now_ns", "time.parse_rfc3339_ns", "time.date", "time.clock", "time.weekday"],
    load: async () => (await import("./time.ts")).makeTime(),
  },
  {
    names: ["io.jwt.decode", "io.jwt.decode_verify", ...JWT_VERIFIERS],
    load: async () => (await import("./jwt.ts")).makeJwt(),
  },
  {
    names: [
      "crypto.md5",
      "crypto.sha1",
      "crypto.sha256",
      "crypto.hmac.md5",
      "crypto.hmac.sha1",
      "crypto.hmac.sha256",
      "crypto.hmac.sha512",
      "crypto.hmac.equal",
    ],
    load: async () => (await import("./crypto.ts")).CRYPTO,
  },
  {
    names: [
      "hex.encode",
      "hex.decode",
      "base64url.encode_no_pad",
      "urlquery.encode",
      "urlquery.decode",
      "urlquery.encode_object",
      "urlquery.decode_object",
    ],
    load: async () => (await import("./encoding.ts")).ENCODING,
  },
  { names: ["uri.parse", "uri.is_valid"], load: async () => (await import("./uri.ts")).URI },
  {
    names: ["regex.replace", "regex.split", "regex.find_n", "regex.template_match", "regex.globs_match"],
    load: async () => (await import("./regex.ts")).makeRegex(),
  },
  { names: ["glob.quote_meta"], load: async () => (await import("./glob.ts")).GLOB },
  {
    names: ["net.cidr_is_valid", "net.cidr_expand", "net.cidr_contains_matches", "net.cidr_merge"],
    load: async () => (await import("./net.ts")).NET,
  },
  { names: ["json.patch"], load: async () => (await import("./json-patch.ts")).JSON_PATCH },
  { names: ["object.subset"], load: async () => (await import("./objects.ts")).OBJECTS },
  { names: ["semver.compare", "semver.is_valid"], load: async () => (await import("./semver.ts")).SEMVER },
  { names: ["uuid.parse", "uuid.rfc4122"], load: async () => (await import("./uuid.ts")).UUID },
  { names: ["units.parse", "units.parse_bytes"], load: async () => (await import("./units.ts")).UNITS },
  {
    names: ["yaml.marshal", "yaml.unmarshal", "yaml.is_valid"],
    load: async () => (await import("./yaml.ts")).YAML,
  },
  {
    names: ["rand.intn", "trace", "print", "internal.print"],
    load: async () => (await import("./misc.ts")).MISC,
  },
];

/** Functions that would have to wait for the world outside, which a call from a guest cannot. */
export const OUTSIDE_WORLD: ReadonlySet<string> = new Set(["http.send", "net.lookup_ip_addr", "opa.runtime"]);

export const BUILTIN_NAMES: readonly string[] = GROUPS.flatMap(({ names }) => names);

/** The functions that are asked for, in the order of the names; undefined where there is none. */
export async function loadBuiltins(names: readonly string[]): Promise<readonly (Builtin | undefined)[]> {
  const wanted = new Set(names);
  const found = new Map<string, Builtin>();
  for (const group of GROUPS) {
    if (!group.names.some((name) => wanted.has(name))) continue;
    const table = await group.load();
    for (const name of group.names) found.set(name, table[name]!);
  }
  return names.map((name) => found.get(name));
}
