/**
 * The proxies this machine has: those that ZENTINEL_BIN and SENTINEL_BIN name (several, separated by colons), or else
 * the ones on the PATH. What each version does with an agent's answers is told by its version alone.
 */

import type { ProxyEra } from "./config.ts";

export interface InstalledProxy {
  readonly program: string;
  readonly era: ProxyEra;
  /** As the program states it, `0.6.54`. */
  readonly version: string;
  readonly traits: ProxyTraits;
}

/** What the versions differ in (docs/agent-protocol.md 1.5). */
export interface ProxyTraits {
  readonly protocol: "v1" | "v2";
  /** Redirects, headers of refusals, and response headers set while answering request headers reach the client. */
  readonly honoursWholeAnswers: boolean;
  readonly sendsResponseEvents: boolean;
  /** How the `config` block travels. A v1 proxy sends it once and serves on whatever the agent says. */
  readonly configDelivery: "once" | "never" | "before-use";
  /** A lost agent is noticed at once, and not by calls that time out. */
  readonly noticesLostAgent: boolean;
}

export interface ProxySearch {
  readonly found: readonly InstalledProxy[];
  /** One sentence for each era without a proxy. */
  readonly missing: readonly string[];
}

interface Searched {
  readonly era: ProxyEra;
  readonly program: string;
  readonly variable: string;
}

const SEARCHED: readonly Searched[] = [
  { era: "zentinel", program: "zentinel", variable: "ZENTINEL_BIN" },
  { era: "sentinel", program: "sentinel", variable: "SENTINEL_BIN" },
];

/** First versions with a behaviour, as docs/agent-protocol.md 1.5 tells them for the versions that were examined. */
const HONOURS_ANSWERS_SINCE = "0.6.51";
const DELIVERS_CONFIG_SINCE = "0.6.54";
const NOTICES_LOST_AGENT_SINCE = "0.6.54";

/** @throws Error when a variable names a program that cannot be run: that is a mistake, nothing to skip over. */
export function findProxies(env: Readonly<Record<string, string | undefined>>): ProxySearch {
  const found: InstalledProxy[] = [];
  const missing: string[] = [];
  for (const { era, program, variable } of SEARCHED) {
    const paths = programPaths(env, program, variable);
    if (paths.length === 0) {
      missing.push(`no \`${program}\` on the PATH, and ${variable} names none`);
    }
    for (const path of paths) found.push(examine(path, era, program));
  }
  return { found, missing };
}

function programPaths(
  env: Readonly<Record<string, string | undefined>>,
  program: string,
  variable: string,
): readonly string[] {
  const named = (env[variable] ?? "").split(":").filter((path) => path !== "");
  if (named.length > 0) return named;
  const onPath = Bun.which(program, { PATH: env["PATH"] ?? "" });
  return onPath === null ? [] : [onPath];
}

function examine(path: string, era: ProxyEra, program: string): InstalledProxy {
  const version = readVersion(path, program);
  return { program: path, era, version, traits: traitsOf(era, version) };
}

function readVersion(path: string, program: string): string {
  const match = new RegExp(`^${program} (\\d+\\.\\d+\\.\\d+)`).exec(versionText(path));
  if (match === null) throw new Error(`\`${path} --version\` does not answer as ${program} would`);
  return match[1]!;
}

function versionText(path: string): string {
  try {
    return Bun.spawnSync([path, "--version"], { stderr: "ignore" }).stdout.toString();
  } catch (cause) {
    throw new Error(`${path} cannot be run`, { cause });
  }
}

function traitsOf(era: ProxyEra, version: string): ProxyTraits {
  if (era === "sentinel") {
    return {
      protocol: "v1",
      honoursWholeAnswers: false,
      sendsResponseEvents: false,
      configDelivery: "once",
      noticesLostAgent: true,
    };
  }
  return {
    protocol: "v2",
    honoursWholeAnswers: Bun.semver.order(version, HONOURS_ANSWERS_SINCE) >= 0,
    sendsResponseEvents: true,
    configDelivery: Bun.semver.order(version, DELIVERS_CONFIG_SINCE) >= 0 ? "before-use" : "never",
    noticesLostAgent: Bun.semver.order(version, NOTICES_LOST_AGENT_SINCE) >= 0,
  };
}
