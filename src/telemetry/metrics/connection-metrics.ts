/** How many connections were opened and closed, and which frames were refused. */

import { METRICS } from "./catalogue.ts";
import type { CellBlock } from "./cell-block.ts";
import type { MetricsPage } from "./metrics-page.ts";

/** `unknown`: it has not sent its first frame yet. */
const PROTOCOLS = ["v1", "v2", "unknown"] as const;

export type ProtocolLabel = (typeof PROTOCOLS)[number];

export class ConnectionMetrics {
  readonly #open: Float64Array;
  readonly #opened: Float64Array;
  readonly #refusedConnections: Float64Array;
  readonly #refused: Float64Array;
  readonly #refusalCodes: readonly string[];

  /** `refusalCodes`: all that a frame can be refused with. */
  constructor(block: CellBlock, refusalCodes: readonly string[]) {
    this.#open = block.take(PROTOCOLS.length, null);
    this.#opened = block.take(PROTOCOLS.length, "connections_opened");
    this.#refusedConnections = block.take(1, "connections_refused");
    this.#refused = block.take(refusalCodes.length, "frames_refused");
    this.#refusalCodes = refusalCodes;
  }

  static cells(refusalCodes: readonly string[]): number {
    return 2 * PROTOCOLS.length + 1 + refusalCodes.length;
  }

  opened(): void {
    this.#open[PROTOCOLS.indexOf("unknown")]!++;
  }

  /** An open connection has sent its first frame. */
  identified(protocol: ProtocolLabel): void {
    const index = PROTOCOLS.indexOf(protocol);
    this.#open[PROTOCOLS.indexOf("unknown")]!--;
    this.#open[index]!++;
    this.#opened[index]!++;
  }

  closed(protocol: ProtocolLabel): void {
    this.#open[PROTOCOLS.indexOf(protocol)]!--;
    if (protocol === "unknown") this.#opened[PROTOCOLS.indexOf(protocol)]!++;
  }

  /** One was closed at once, for want of descriptors. */
  refused(): void {
    this.#refusedConnections[0]!++;
  }

  refusedFrame(code: string): void {
    const index = this.#refusalCodes.indexOf(code);
    if (index >= 0) this.#refused[index]!++;
  }

  /** Connections of each protocol that are open. */
  open(): Readonly<Record<ProtocolLabel, number>> {
    return Object.fromEntries(PROTOCOLS.map((protocol, i) => [protocol, this.#open[i]!])) as Record<
      ProtocolLabel,
      number
    >;
  }

  writeTo(page: MetricsPage): void {
    PROTOCOLS.forEach((protocol, i) => {
      page.add(METRICS.connections, [protocol], this.#open[i]!);
      page.add(METRICS.connectionsOpened, [protocol], this.#opened[i]!);
    });
    page.add(METRICS.connectionsRefused, [], this.#refusedConnections[0]!);
    this.#refusalCodes.forEach((code, i) => {
      page.add(METRICS.framesRefused, [code], this.#refused[i]!);
    });
  }
}
