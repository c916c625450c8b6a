/** How much memory stays behind from one call to the next. Only its changes are kept: most calls change nothing. */

export class MemoryGrowth {
  readonly #changes: { readonly call: number; readonly bytes: number }[] = [];
  #calls = 0;

  /** @param bytes of the instance after a call */
  record(bytes: number): void {
    if (this.#changes.at(-1)?.bytes !== bytes) this.#changes.push({ call: this.#calls, bytes });
    this.#calls++;
  }

  /** Null without any call. */
  get lastBytes(): number | null {
    return this.#changes.at(-1)?.bytes ?? null;
  }

  /**
   * Memory grows in pages and a guest settles in its first calls, so this is taken over the second half of the calls
   * alone.
   */
  bytesPerCall(): number {
    const middle = Math.floor(this.#calls / 2);
    const calls = this.#calls - 1 - middle;
    if (calls <= 0) return 0;
    const inMiddle = this.#changes.findLast(({ call }) => call <= middle);
    return ((this.lastBytes ?? 0) - (inMiddle?.bytes ?? 0)) / calls;
  }
}
