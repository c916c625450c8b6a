import { expect, test } from "bun:test";
import fc from "fast-check";
import { JSON_IMPORTS } from "../../../src/abi/json/json-imports.ts";
import { EventFailure } from "../../../src/event/failure.ts";
import { createHostImports } from "../../../src/wasm/imports/host-imports.ts";
import { newHost } from "./linked-guest.ts";

const PAGE = 65_536;

const WASI_NAMES =
  "args_get args_sizes_get environ_sizes_get clock_res_get clock_time_get fd_fdstat_get fd_prestat_get fd_read fd_seek fd_write path_open path_symlink poll_oneoff proc_exit proc_raise random_get sock_recv fd_unheard_of";
const ENV_NAMES =
  "abort trace seed console.log console.debug console.assert console.time console.timeLog console.timeEnd process.exit Date.now performance.now Math.hypot";

const ENDING = ["proc_exit", "abort", "process.exit"];

type Import = (...parameters: (number | bigint)[]) => unknown;

test("no parameters and no contents of memory make an import throw, save those that end the guest", () => {
  const { host } = newHost();
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 3 });
  host.memory.attach(memory);
  const named = (module: string, names: string) =>
    names.split(" ").map((name) => ({ module, name, kind: "function" as const }));
  const descriptors = [...named("wasi_snapshot_preview1", WASI_NAMES), ...named("env", ENV_NAMES)];
  const imports = createHostImports(descriptors, host, JSON_IMPORTS);
  // Near the edges of memory and of 32 bits is where a check can be wrong.
  const parameter = fc.oneof(
    fc.constantFrom(0, 1, 2, 3, 4, 8, PAGE - 4, PAGE - 1, PAGE, PAGE + 4, 2 ** 31 - 1, -(2 ** 31), -4, -1),
    fc.integer(),
    fc.nat({ max: PAGE }),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...descriptors),
      fc.array(parameter, { minLength: 0, maxLength: 7 }),
      fc.array(fc.tuple(fc.nat({ max: PAGE / 4 - 1 }), fc.integer()), { maxLength: 12 }),
      (descriptor, parameters, words) => {
        const data = new Int32Array(memory.buffer);
        for (const [index, word] of words) data[index] = word;
        try {
          (imports[descriptor.module]![descriptor.name] as Import)(...parameters);
          expect(ENDING).not.toContain(descriptor.name);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(EventFailure);
          expect(ENDING).toContain(descriptor.name);
        }
      },
    ),
    { numRuns: 5000 },
  );
});
