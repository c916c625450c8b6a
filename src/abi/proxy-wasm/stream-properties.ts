/** Properties that a guest has set for its stream: kept until the stream ends, readable under the same path. */

const MAX_PROPERTIES = 64;
const MAX_PROPERTY_BYTES = 64 * 1024;

export class StreamProperties {
  #values: Map<string, Buffer> | null = null;
  #totalBytes = 0;

  get(path: string): Buffer | undefined {
    return this.#values?.get(path);
  }

  /** Owns `value`. False when the stream holds too much already. */
  set(path: string, value: Buffer): boolean {
    this.#values ??= new Map();
    const before = this.#values.get(path);
    const totalBytes =
      this.#totalBytes + value.length - (before?.length ?? 0) + (before === undefined ? path.length : 0);
    if (totalBytes > MAX_PROPERTY_BYTES) return false;
    if (before === undefined && this.#values.size >= MAX_PROPERTIES) return false;
    this.#values.set(path, value);
    this.#totalBytes = totalBytes;
    return true;
  }
}
