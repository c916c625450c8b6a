/**
 * What the guest is configured with: the file that `--config` names, until a proxy pushes a configuration, which then holds
 * for good.
 */

import type { AbiName } from "../abi/abi-options.ts";
import type { GuestFactory } from "../abi/contract.ts";
import type { EventFailure } from "../event/failure.ts";
import { InputError } from "../event/input-error.ts";
import type { Log } from "../telemetry/log.ts";
import { ModuleError } from "../wasm/module-error.ts";
import { type ConfigFileOptions, configJson, readConfigBytes } from "./config-file.ts";

/** What the file held; null for no file. */
export type ConfigFile = Uint8Array<ArrayBuffer> | null;

export class GuestConfig {
  readonly #path: string | null;
  readonly #options: ConfigFileOptions;
  #file: ConfigFile;
  #pushedJson: string | null = null;

  /** @throws InputError when the file cannot be read. */
  constructor(path: string | null, options: ConfigFileOptions = { mayBePipe: false }) {
    this.#path = path;
    this.#options = options;
    this.#file = this.readFile();
  }

  /** What the file held when it was used last. */
  get file(): ConfigFile {
    return this.#file;
  }

  /**
   * What guests are configured with, as JSON text, if the file held this; null for nothing.
   *
   * @throws InputError when the file is not JSON, unless the guests read it as it is.
   */
  jsonFor(factory: GuestFactory, file: ConfigFile): string | null {
    if (this.#pushedJson !== null) return this.#pushedJson;
    if (this.#path === null || file === null || factory.readsConfigurationFile === true) return null;
    return configJson(this.#path, file);
  }

  /** What the file holds now, which is not looked at any more once a proxy has pushed something. @throws InputError */
  readFile(): ConfigFile {
    return this.#pushedJson === null ? readConfigBytes(this.#path, this.#options) : this.#file;
  }

  useFile(file: ConfigFile): void {
    this.#file = file;
  }

  push(configJson: string): void {
    this.#pushedJson = configJson;
  }

  /** Whether there is one that means nothing to the guests. */
  isUnusedBy(factory: GuestFactory): boolean {
    return this.#path !== null && this.#pushedJson === null && !factory.takesConfiguration;
  }

  warnIfUnused(factory: GuestFactory, log: Log): void {
    if (this.isUnusedBy(factory)) log.warn(unusedConfiguration(factory), { config: this.#path });
  }

  /** In words of whoever wrote the configuration of the moment. */
  refusal(failure: EventFailure): ModuleError | InputError {
    if (this.#pushedJson === null) {
      return new InputError(
        "configuration-refused",
        `the module refuses the configuration ${this.#path}: ${failure.message}`,
        { cause: failure },
      );
    }
    return new ModuleError(
      "module-start-failed",
      `the module refuses the proxy's configuration: ${failure.message}`,
      { cause: failure },
    );
  }
}

export function unusedConfiguration({ abiName }: GuestFactory): string {
  return `the module takes no configuration (it ${missingForConfiguration(abiName)}); --config means nothing to it`;
}

/** What a module lacks that could take no configuration. */
export function missingForConfiguration(abiName: AbiName): string {
  return abiName === "json" ? "exports no usable on_configure" : "does not import get_config";
}
