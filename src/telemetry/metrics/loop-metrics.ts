/** All that one event loop counts, in one block of cells; several loops are added up. */

import { METRICS } from "./catalogue.ts";
import { CellBlock, type SavedCells, sumOfCells } from "./cell-block.ts";
import { ConnectionMetrics } from "./connection-metrics.ts";
import { EventMetrics } from "./event-metrics.ts";
import { DURATION_BOUNDS_MS, durationHistogram, type Histogram, histogramCells } from "./histogram.ts";
import { inSeconds, type MetricsPage } from "./metrics-page.ts";
import { ReadClock } from "./read-clock.ts";

export class LoopMetrics {
  readonly clock = new ReadClock();
  readonly events: EventMetrics;
  readonly connections: ConnectionMetrics;
  /** Milliseconds. */
  readonly loopDelay: Histogram;
  readonly #block: CellBlock;
  readonly #cells: Float64Array;
  readonly #refusalCodes: readonly string[];

  /** `refusalCodes`: all that a frame can be refused with. */
  constructor(
    refusalCodes: readonly string[],
    cells: Float64Array = new Float64Array(countCells(refusalCodes)),
  ) {
    const block = new CellBlock(cells);
    this.#block = block;
    this.#cells = cells;
    this.#refusalCodes = refusalCodes;
    this.events = new EventMetrics(block);
    this.connections = new ConnectionMetrics(block, refusalCodes);
    this.loopDelay = durationHistogram(block, "loop_delay");
  }

  writeTo(page: MetricsPage): void {
    this.events.writeTo(page);
    this.connections.writeTo(page);
    page.addHistogram(METRICS.loopDelay, [], inSeconds(this.loopDelay));
  }

  save(): SavedCells {
    return this.#block.save();
  }

  /** Goes on from what another process has counted. */
  add(saved: SavedCells): void {
    this.#block.add(saved);
  }

  /** What several loops have counted; at least one. */
  static sum(loops: readonly LoopMetrics[]): LoopMetrics {
    const codes = loops[0]!.#refusalCodes;
    const cells = loops.map((loop) => loop.#cells);
    return new LoopMetrics(codes, sumOfCells(cells, cells[0]!.length));
  }
}

function countCells(refusalCodes: readonly string[]): number {
  return EventMetrics.CELLS + ConnectionMetrics.cells(refusalCodes) + histogramCells(DURATION_BOUNDS_MS);
}
