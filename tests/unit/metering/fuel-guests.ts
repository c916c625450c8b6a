/** Pieces of guests that use up fuel, as text. */

/** Raises `steps` by one. */
export const step = `(global.set $steps (i32.add (global.get $steps) (i32.const 1)))`;

export function ladder(height: number): string {
  const rungs = [`(func $f0)`];
  for (let i = 1; i <= height; i++) rungs.push(`(func $f${i} (call $f${i - 1}) (call $f${i - 1}))`);
  return rungs.join("\n");
}

/** The functions, one a line, in the order in which each is known before it is called. */
export function reversed(functions: string): string {
  return functions.split("\n").reverse().join("\n");
}

/** Calls the function twice with a parameter `$n` that is one less, unless it is 0. */
export function twice(name: string): string {
  const call = `(call ${name} (i32.sub (local.get $n) (i32.const 1)))`;
  return `(if (i32.eqz (local.get $n)) (then (return))) ${call} ${call}`;
}

/** Takes the turns in a local variable `$i`, down to 1. */
export function loop(turns: number, body: string): string {
  const again = "(br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))";
  return `(local.set $i (i32.const ${turns})) (loop $l ${body} ${again})`;
}

/** In the turn in which `$i` is `turn`: calls `$f` with a parameter `$n` that is one less, unless it is 0. */
export function recurseInTurn(turn: number, call = "(call $f (local.get $n))"): string {
  return `(if (i32.and (i32.eq (local.get $i) (i32.const ${turn})) (i32.ne (local.get $n) (i32.const 0)))
    (then (local.set $n (i32.sub (local.get $n) (i32.const 1))) ${call}))`;
}

/** Turns that use up most of the first credit, the last of them with more to do. */
export function lastTurnLong(turns: number, steps: number, more: string): string {
  return loop(
    turns,
    `${step.repeat(steps)} (if (i32.eq (local.get $i) (i32.const 1)) (then ${more} (return)))`,
  );
}

/** Guests whose loops make one turn, through the code again and again. */
export function oneTurn(codes: Readonly<Record<string, string>>): Record<string, string> {
  const guest = (
    code: string,
  ): string => `(func $f (local $i i32) ${loop(1, `${step.repeat(12)} ${code}`.repeat(60))})
    (func (export "run") (param $n i32) (local $i i32) ${loop(2000, "(call $f)")})`;
  return Object.fromEntries(
    Object.entries(codes).map(([name, code]) => [`in loops of one turn ${name}`, guest(code)]),
  );
}

/** As a rule more functions than wait for each other while they are read; each is made from the call of the next. */
export function chain(body: (callee: string) => string, length = 50): string {
  return Array.from(
    { length },
    (_, n) => `(func $f${n} ${body(n + 1 < length ? `(call $f${n + 1})` : "")})`,
  ).join("\n");
}
