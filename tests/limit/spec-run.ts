/** Runs one script of the official test suite with a given way to build modules and notes what each command did. */

import { guestFailure } from "./guest-failure.ts";
import { type BuiltModule, type ModuleBuilder, startedInstance } from "./module-build.ts";
import {
  binaryName,
  type SpecAction,
  type SpecCommand,
  type SpecConst,
  type SpecScript,
} from "./spec-script.ts";
import { spectestImports } from "./spectest-imports.ts";
import { exactValue, HostReferences, isExpected } from "./spec-values.ts";
import { type ExactValue, type TypedCall, toBits, typedCall } from "./typed-call.ts";

export interface CommandOutcome {
  readonly line: number;
  readonly command: SpecCommand["type"];
  /** True when the command did what the script demands. */
  readonly passed: boolean;
  readonly text: string;
}

interface RunningModule {
  readonly exports: Bun.WebAssembly.Exports;
  readonly signatures: SpecScript["signatures"][string];
  readonly calls: Map<string, TypedCall>;
}

interface Loaded {
  readonly built: BuiltModule;
  readonly file: string;
}

export class SpecRun {
  readonly #script: SpecScript;
  readonly #build: ModuleBuilder;
  readonly #references = new HostReferences();
  readonly #imports: Bun.WebAssembly.Imports = Object.assign(Object.create(null), {
    spectest: spectestImports(),
  });
  readonly #named = new Map<string, RunningModule>();
  readonly #definitions = new Map<string, Loaded>();
  #current: RunningModule | undefined;
  #definition: Loaded | undefined;

  constructor(script: SpecScript, build: ModuleBuilder) {
    this.#script = script;
    this.#build = build;
  }

  outcomes(): CommandOutcome[] {
    const outcomes: CommandOutcome[] = [];
    for (const command of this.#script.commands) {
      const outcome = this.#outcome(command);
      if (outcome !== undefined) {
        outcomes.push({ line: command.line, command: command.type, ...outcome });
      }
    }
    return outcomes;
  }

  #outcome(command: SpecCommand): { passed: boolean; text: string } | undefined {
    switch (command.type) {
      case "module":
        return this.#attempt(() => {
          this.#current = undefined;
          const loaded = this.#load(command);
          this.#start(loaded, command.name);
          return "runs";
        });
      case "module_definition":
        return this.#attempt(() => {
          this.#definition = this.#load(command);
          if (command.name !== undefined) {
            this.#definitions.set(command.name, this.#definition);
          }
          return "compiles";
        });
      case "module_instance":
        return this.#attempt(() => {
          this.#current = undefined;
          const definition =
            command.module === undefined ? this.#definition : this.#definitions.get(command.module);
          if (definition === undefined) {
            return "the module did not compile";
          }
          this.#start(definition, command.instance);
          return "runs";
        });
      case "register":
        return this.#attempt(() => {
          const running = this.#running(command.name);
          this.#imports[command.as] = running?.exports as Bun.WebAssembly.ModuleImports;
          return running === undefined ? "no module" : "registered";
        });
      case "assert_invalid":
      case "assert_malformed":
      case "assert_invalid_custom":
      case "assert_malformed_custom":
        return this.#refusal(command, ["module", "compile"]);
      case "assert_unlinkable":
        return this.#refusal(command, ["link"]);
      case "assert_uninstantiable":
        return this.#refusal(command, ["trap", "exception"]);
      case "assert_return":
        return this.#attempt(() => this.#act(command.action, command.expected), "as expected");
      case "action":
        return this.#attempt(() => this.#act(command.action, undefined));
      case "assert_trap":
        return this.#attempt(() => this.#act(command.action, undefined), "trap:");
      case "assert_exhaustion":
        return this.#attempt(() => this.#act(command.action, undefined), "exhaustion:");
      case "assert_exception":
        return this.#attempt(() => this.#act(command.action, undefined), "exception");
      case "assert_suspension":
      case "thread":
      case "wait":
        return { passed: false, text: "not run: the suite's threads and stack switching need another host" };
    }
  }

  #refusal(
    command: Parameters<SpecScript["moduleBytes"]>[0],
    kinds: readonly string[],
  ): { passed: boolean; text: string } | undefined {
    if (this.#script.moduleBytes(command) === undefined) {
      return undefined;
    }
    try {
      const loaded = this.#load(command);
      if (!kinds.includes("compile")) {
        this.#instance(loaded);
      }
      return { passed: false, text: "accepted" };
    } catch (error) {
      const { kind } = guestFailure(error);
      return { passed: kinds.includes(kind), text: kind };
    }
  }

  /** `demanded` begins the text of the one right outcome; without it everything but a failure is right. */
  #attempt(action: () => string, demanded?: string): { passed: boolean; text: string } {
    try {
      const text = action();
      return { passed: demanded === undefined || text.startsWith(demanded), text };
    } catch (error) {
      const { text } = guestFailure(error);
      return { passed: demanded !== undefined && text.startsWith(demanded), text };
    }
  }

  #load(command: Parameters<SpecScript["moduleBytes"]>[0]): Loaded {
    const bytes = this.#script.moduleBytes(command);
    if (bytes === undefined) {
      throw new TypeError(`${binaryName(command)} is in the text format`);
    }
    return { built: this.#build(bytes), file: binaryName(command) };
  }

  #instance({ built }: Loaded): WebAssembly.Instance {
    return startedInstance(built, this.#imports);
  }

  #start(loaded: Loaded, name: string | undefined): void {
    const { exports } = this.#instance(loaded);
    const signatures = this.#script.signatures[loaded.file] ?? [];
    this.#current = { exports, signatures, calls: new Map() };
    if (name !== undefined) {
      this.#named.set(name, this.#current);
    }
  }

  #running(name: string | undefined): RunningModule | undefined {
    return name === undefined ? this.#current : this.#named.get(name);
  }

  #act(action: SpecAction, expected: readonly SpecConst[] | undefined): string {
    const running = this.#running(action.module);
    if (running === undefined) {
      return "no module";
    }
    if (action.type === "get") {
      const global = running.exports[action.field] as WebAssembly.Global;
      const kind = expected?.[0]?.type;
      const value: unknown = global.value;
      return this.#compared([kind === "f32" || kind === "f64" ? toBits(value, kind) : value], expected);
    }
    const args = (action.args ?? []).map((constant) => exactValue(constant, this.#references));
    return this.#compared(callOf(running, action.field)(args), expected);
  }

  #compared(values: readonly ExactValue[], expected: readonly SpecConst[] | undefined): string {
    if (
      expected !== undefined &&
      values.length === expected.length &&
      expected.every((constant, index) => isExpected(values[index], constant, this.#references))
    ) {
      return "as expected";
    }
    return `returned ${values.map((value) => (typeof value === "object" ? "object" : String(value))).join(", ")}`;
  }
}

function callOf(running: RunningModule, field: string): TypedCall {
  let call = running.calls.get(field);
  if (call === undefined) {
    const signature = running.signatures.find(({ name }) => name === field);
    const code = running.exports[field];
    if (signature === undefined || typeof code !== "function") {
      throw new Error(`no exported function ${field}`);
    }
    call = typedCall(code as (...args: unknown[]) => unknown, signature);
    running.calls.set(field, call);
  }
  return call;
}
