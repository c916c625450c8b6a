/** The module `spectest` that the official scripts import: fixed globals, one memory, one table, silent printers. */

export function spectestImports(): Bun.WebAssembly.ModuleImports {
  const constant = <T extends "i32" | "i64" | "f32" | "f64">(
    value: T,
    initial: Bun.WebAssembly.ValueTypeMap[T],
  ): WebAssembly.Global<T> => new WebAssembly.Global({ value, mutable: false }, initial);
  const print = (): void => {};
  return {
    print,
    print_i32: print,
    print_i64: print,
    print_f32: print,
    print_f64: print,
    print_i32_f32: print,
    print_f64_f64: print,
    global_i32: constant("i32", 666),
    global_i64: constant("i64", 666n),
    global_f32: constant("f32", 666.6),
    global_f64: constant("f64", 666.6),
    table: new WebAssembly.Table({ initial: 10, maximum: 20, element: "anyfunc" }),
    memory: new WebAssembly.Memory({ initial: 1, maximum: 2 }),
    shared_memory: new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true }),
  };
}
