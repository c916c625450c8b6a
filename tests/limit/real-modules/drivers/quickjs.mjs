/** A JavaScript engine: recursion, exceptions, big integers, regular expressions. */
import { getQuickJS } from "quickjs-emscripten";

const quickjs = await getQuickJS();
export const result = JSON.stringify(
  quickjs.evalCode(`
    const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));
    let caught = '';
    try { null.x; } catch (error) { caught = error.name; }
    [fib(22), String(3n ** 300n), "a1b22c333".replace(/(\\d+)/g, (m) => m.length), caught, [3, 1, 2].toSorted().join()];
  `),
);
