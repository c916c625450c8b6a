/**
 * Writes the metrics into a file, for collectors that read files (the textfile collector of node_exporter) where nothing may
 * be scraped. The file is always whole: each version is written beside it and takes its name.
 */

import { renameSync, rmSync, writeFileSync } from "node:fs";
import { systemReason } from "../event/input-error.ts";
import type { Log } from "../telemetry/log.ts";
import type { MetricsPage } from "../telemetry/metrics/metrics-page.ts";
import { TEXT_FORMAT } from "../telemetry/metrics/text-format.ts";

export interface MetricsFileOptions {
  readonly path: string;
  collect(): MetricsPage;
  readonly log: Log;
}

const WRITE_EVERY_MS = 10_000;
/** Collectors run as other users, and there are no secrets in metrics. */
const FILE_MODE = 0o644;

export class MetricsFile {
  readonly #options: MetricsFileOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  #isFailing = false;

  /** Writes it now, and again every ten seconds. */
  constructor(options: MetricsFileOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#write(), WRITE_EVERY_MS);
    this.#timer.unref();
    this.#write();
  }

  /** Removes the file: numbers of a process that is gone would look like those of one that does nothing. */
  close(): void {
    clearInterval(this.#timer);
    rmSync(this.#options.path, { force: true });
  }

  #write(): void {
    const { path, collect, log } = this.#options;
    const staging = `${path}.${process.pid}`;
    try {
      writeFileSync(staging, TEXT_FORMAT.write(collect()), { mode: FILE_MODE });
      renameSync(staging, path);
      this.#isFailing = false;
    } catch (error) {
      rmSync(staging, { force: true });
      if (!this.#isFailing)
        log.warn("the metrics file cannot be written", { path, reason: systemReason(error) });
      this.#isFailing = true;
    }
  }
}
