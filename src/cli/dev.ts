/** The command of a module's author at work: build, serve, watch. All of it is in dev/; here are its words and options. */

import * as v from "valibot";
import type { Settings } from "../agent/settings.ts";
import type { DevSettings } from "../tools/dev/dev-settings.ts";
import { runDev } from "../tools/dev/run-dev.ts";
import { type DescribedCommand, defineAgentCommand } from "./agent-command.ts";
import { ExitCode } from "./exit-codes.ts";
import type { OptionTable, ParameterTable } from "./option.ts";
import { SERVE_OPTIONS } from "./options.ts";
import { paintWith } from "./paint.ts";
import { readOptions } from "./read-options.ts";
import { wantsColour } from "./surroundings.ts";
import { integerKind, pathKind, type ValueKind } from "./value-kind.ts";

/** What serving has in common with a session. Where the module runs is fixed: one instance, so that its lines are told apart. */
const AGENT_OPTIONS = {
  socketPath: SERVE_OPTIONS.socketPath,
  socketMode: SERVE_OPTIONS.socketMode,
  takeover: SERVE_OPTIONS.takeover,
  timeoutMs: SERVE_OPTIONS.timeoutMs,
  startTimeoutMs: SERVE_OPTIONS.startTimeoutMs,
  maxMemoryBytes: SERVE_OPTIONS.maxMemoryBytes,
  failOpen: SERVE_OPTIONS.failOpen,
  headerCase: SERVE_OPTIONS.headerCase,
  abi: SERVE_OPTIONS.abi,
  onUnsupported: SERVE_OPTIONS.onUnsupported,
  allowCallouts: SERVE_OPTIONS.allowCallouts,
  guestLogRate: SERVE_OPTIONS.guestLogRate,
  redirectEncoding: SERVE_OPTIONS.redirectEncoding,
  ignoreProxyConfig: SERVE_OPTIONS.ignoreProxyConfig,
} satisfies Partial<OptionTable<Settings>>;

type AgentPart = Pick<Settings, keyof typeof AGENT_OPTIONS>;

const PROJECT = "Project";
const MAX_PORT = 65_535;

const COMMAND_KIND: ValueKind<string> = {
  type: "value",
  expected: "a shell command",
  schema: v.pipe(v.string(), v.nonEmpty()),
  show: String,
};

const DEV_OPTIONS: ParameterTable<DevSettings & AgentPart> = {
  path: {
    operand: "[module.wasm|folder]",
    kind: pathKind(),
    fallback: { describe: "the folder you are in", choose: () => "." },
    description: "The module to serve, or the folder of a project that builds one.",
  },
  buildCommand: {
    flag: "build",
    kind: COMMAND_KIND,
    fallback: { describe: "what the folder suggests", choose: () => null },
    placeholder: "<command>",
    description:
      "How the module is built. Otherwise package.json, Cargo.toml, go.mod, build.zig, Makefile or the README's Build section say it.",
    group: PROJECT,
  },
  builtModule: {
    flag: "module",
    kind: pathKind(),
    fallback: { describe: "known from the build", choose: () => null },
    placeholder: "<file>",
    description: "The file that the build makes, relative to the folder.",
    group: PROJECT,
  },
  port: {
    flag: "port",
    kind: integerKind({ min: 0, max: MAX_PORT }),
    fallback: { describe: "4610, or any that is free", choose: () => null },
    placeholder: "<number>",
    description: "Port of the playground on 127.0.0.1; 0 takes any.",
    group: PROJECT,
  },
  ...AGENT_OPTIONS,
};

export function devCommand(): DescribedCommand {
  return defineAgentCommand<DevSettings & AgentPart>({
    name: "dev",
    summary: "Build, serve and watch a module, with a playground in the browser.",
    purpose:
      "Builds a module, serves it to a proxy, and does so again whenever a source changes. The last good module stays until a better one is there.",
    usage: ["dev [module.wasm|folder] [options]"],
    examples: ["dev", "dev policy.wasm", 'dev my-policy --build "make release" --module out/policy.wasm'],
    options: DEV_OPTIONS,
    exitCodes: [
      [ExitCode.ok, "ended as asked"],
      [ExitCode.failure, "failed while running"],
      [ExitCode.usage, "wrong usage, or a folder, port or socket that cannot be used"],
    ],
    run: (given, { env, stdout, stdoutIsTerminal, stderrIsTerminal }) => {
      const { path, buildCommand, builtModule, port, ...agentPart } = given;
      const defaults = readOptions(SERVE_OPTIONS, {
        argv: ["--module", path],
        env: {},
        terminal: { stderrIsTerminal },
      });
      const agentSettings: Settings = { ...defaults, ...agentPart, poolSize: 1, dispatch: "inline" };
      return runDev({ path, buildCommand, builtModule, port }, agentSettings, {
        write: (text) => stdout.write(text),
        isTerminal: stdoutIsTerminal,
        paint: paintWith(wantsColour(env, stdoutIsTerminal)),
      });
    },
  });
}
