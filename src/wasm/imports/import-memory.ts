/**
 * The guest's memory as imports see it: pointers come from the guest and are hostile, and a guest may have no memory at
 * all.
 */

/** The bytes of one moment. Growth replaces them, so a view is good until control returns to the guest. */
export class MemoryView {
  readonly bytes: Uint8Array;
  readonly data: DataView;

  constructor(buffer: ArrayBufferLike) {
    this.bytes = new Uint8Array(buffer);
    this.data = new DataView(buffer);
  }

  /** Both as unsigned numbers (`>>> 0`). Their sum is exact in a double, so nothing wraps around. */
  holds(pointer: number, length: number): boolean {
    return pointer + length <= this.bytes.length;
  }
}

export class ImportMemory {
  #memory: WebAssembly.Memory | null = null;
  #view = new MemoryView(new ArrayBuffer(0));

  /** Call before any code of the guest runs. Without a memory every access of at least one byte is out of bounds. */
  attach(memory: WebAssembly.Memory): void {
    this.#memory = memory;
  }

  /** Take it once per import call: reading `memory.buffer` is the expensive part. */
  current(): MemoryView {
    if (this.#memory !== null) {
      const buffer = this.#memory.buffer;
      if (buffer !== this.#view.bytes.buffer) this.#view = new MemoryView(buffer);
    }
    return this.#view;
  }
}
