/**
 * The loops around a place (`path-costs.ts`), and what held in front of each. The code of one loop, without that of the
 * loops in it, is a region; it has the number of loops around it, so 0 is the code outside of all.
 */

import { doubled } from "./doubled.ts";

const stride = 3;
const initialLoops = 64;

export class EnclosingLoops {
  #data = new Int32Array(initialLoops * stride);
  #depth = 0;

  get depth(): number {
    return this.#depth;
  }

  clear(): void {
    this.#depth = 0;
  }

  /** `segment` and `reach`: in front of the loop; `firstEdit`: the number that the next edit will have. */
  enter(segment: number, reach: number, firstEdit: number): void {
    const base = this.#depth * stride;
    if (base === this.#data.length) this.#data = doubled(this.#data);
    this.#data[base] = segment;
    this.#data[base + 1] = reach;
    this.#data[base + 2] = firstEdit;
    this.#depth++;
  }

  /** Returns the region around the loop that ends; what held in front of that loop can be asked until the next `enter`. */
  leave(): number {
    return --this.#depth;
  }

  /** In front of the outermost loop that is inside the region and around the place. */
  outerSegment(region: number): number {
    return this.#data[region * stride] as number;
  }

  outerReach(region: number): number {
    return this.#data[region * stride + 1] as number;
  }

  /** Of that loop. */
  firstEdit(region: number): number {
    return this.#data[region * stride + 2] as number;
  }
}
