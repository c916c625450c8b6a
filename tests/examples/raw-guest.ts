/**
 * A module of the JSON ABI asked with bytes of the test's own choosing. The agent's instances take events, which
 * always become well-formed JSON; this one can say what no host of ours would.
 *
 * Toolchain imports are answered with the least that lets a module start; what they really answer is tested elsewhere.
 */

export type Handler = "on_request_headers" | "on_response_headers";

interface GuestExports {
  readonly memory: WebAssembly.Memory;
  readonly alloc: (size: number) => number;
  readonly dealloc: (pointer: number, size: number) => void;
  readonly on_request_headers: (pointer: number, length: number) => bigint;
  readonly on_response_headers: (pointer: number, length: number) => bigint;
  readonly _initialize?: () => void;
}

export class RawGuest {
  readonly #exports: GuestExports;

  private constructor(exports: GuestExports) {
    this.#exports = exports;
  }

  static open(module: WebAssembly.Module): RawGuest {
    const memory: { bytes: () => DataView } = { bytes: () => new DataView(new ArrayBuffer(0)) };
    const instance = new WebAssembly.Instance(
      module,
      toolchainImports(module, () => memory.bytes()),
    );
    const exports = instance.exports as unknown as GuestExports;
    memory.bytes = () => new DataView(exports.memory.buffer);
    exports._initialize?.();
    return new RawGuest(exports);
  }

  /** The module's own bytes of the result; a trap throws. */
  ask(handler: Handler, input: Uint8Array): Uint8Array {
    const { memory, alloc, dealloc } = this.#exports;
    const pointer = alloc(input.length) >>> 0;
    new Uint8Array(memory.buffer).set(input, pointer);
    const packed = this.#exports[handler](pointer, input.length);
    dealloc(pointer, input.length);
    const resultPointer = Number(BigInt.asUintN(32, packed >> 32n));
    const resultLength = Number(BigInt.asUintN(32, packed));
    const result = new Uint8Array(memory.buffer, resultPointer, resultLength).slice();
    dealloc(resultPointer, resultLength);
    return result;
  }
}

const SUCCESS = 0;
const BAD_DESCRIPTOR = 8;

type ImportedFunctions = Record<string, Record<string, (...parameters: number[]) => number>>;

function toolchainImports(module: WebAssembly.Module, view: () => DataView): ImportedFunctions {
  const imports: ImportedFunctions = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = (...parameters) => answerImport(name, parameters, view);
  }
  return imports;
}

function answerImport(name: string, parameters: readonly number[], view: () => DataView): number {
  const [first = 0, second = 0, third = 0, fourth = 0] = parameters;
  switch (name) {
    case "abort":
    case "proc_exit":
      throw new Error(`the guest ended itself through ${name}`);
    case "args_sizes_get":
    case "environ_sizes_get":
      view().setUint32(first, 0, true);
      view().setUint32(second, 0, true);
      return SUCCESS;
    case "clock_time_get":
      view().setBigUint64(third, BigInt(Bun.nanoseconds()), true);
      return SUCCESS;
    case "random_get":
      crypto.getRandomValues(new Uint8Array(view().buffer, first, second));
      return SUCCESS;
    case "fd_write": {
      let written = 0;
      for (let index = 0; index < third; index++) written += view().getUint32(second + 8 * index + 4, true);
      view().setUint32(fourth, written, true);
      return SUCCESS;
    }
    case "sched_yield":
      return SUCCESS;
    default:
      return BAD_DESCRIPTOR;
  }
}
