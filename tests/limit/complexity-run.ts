/** One module of `complexity-growth.ts`, called until the engine has optimised it; prints what the process took. */

const CALLS = 200;
const ROUNDS_BETWEEN_PAUSES = 64;

const [, , path, seconds] = process.argv;
const module = new WebAssembly.Module(await Bun.file(path!).bytes());
const { exports } = new WebAssembly.Instance(module, { e: { h: () => {} } });
const f = exports["f"] as (value: number) => number;
const endAtMs = performance.now() + Number(seconds) * 1000;
let longestMs = 0;
for (let round = 1; performance.now() < endAtMs; round++) {
  const startedAtMs = performance.now();
  for (let call = 0; call < CALLS; call++) f(0);
  longestMs = Math.max(longestMs, performance.now() - startedAtMs);
  // The compilers run in threads of their own.
  if (round % ROUNDS_BETWEEN_PAUSES === 0) await Bun.sleep(1);
}
const status = await Bun.file("/proc/self/status").text();
const peakBytes = Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) * 1024;
console.log(JSON.stringify({ peakBytes, longestMs }));
