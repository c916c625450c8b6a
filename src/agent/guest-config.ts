/**
 * What the guest is configured with: the file that `--config` names, until a proxy pushes a configuration, which then holds
 * for good.
 */

import type { GuestFactory } from "../abi/contract.ts";
import type { EventFailure } from "../event/failure.ts";
import { InputError } from "../event/input-error.ts";
import type { Log } from "../telemetry/log.ts";
import { ModuleError } from "../wasm/module-error.ts";
import { readConfigFile } from "./config-file.ts";

export class GuestConfig {
  readonly #path: string | null;
  #fileJson: string | null;
  #pushedJson: string | null = null;

  /** @throws InputError when the file cannot be used. */
  constructor(path: string | null) {
    this.#path = path;
    this.#fileJson = this.readFile();
  }

  /** JSON text; null for nothing. */
  get current(): string | null {
    return this.currentWith(this.#fileJson);
  }

  /** The same if the file held `fileJson`. */
  currentWith(fileJson: string | null): string | null {
    return this.#pushedJson ?? fileJson;
  }

  /** What the file holds now, which is not looked at any more once a proxy has pushed something. @throws InputError */
  readFile(): string | null {
    return this.#pushedJson === null ? readConfigFile(this.#path, { mayBePipe: false }) : this.#fileJson;
  }

  useFile(fileJson: string | null): void {
    this.#fileJson = fileJson;
  }

  push(configJson: string): void {
    this.#pushedJson = configJson;
  }

  warnIfUnused(factory: GuestFactory, log: Log): void {
    if (this.#path === null || this.#pushedJson !== null || factory.takesConfiguration) return;
    log.warn(
      "the module takes no configuration (it exports no usable on_configure); --config means nothing to it",
      {
        config: this.#path,
      },
    );
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
