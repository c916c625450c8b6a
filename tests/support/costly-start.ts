/** The start of a guest whose instances are expensive: some six milliseconds for a million turns. */
export function costlyStart(turns: number): string {
  return `(global $sum (mut i32) (i32.const 1))
(func (export "_initialize")
  (local $left i32)
  (local.set $left (i32.const ${turns}))
  (loop $again
    (global.set $sum (i32.rem_u
      (i32.add (i32.mul (global.get $sum) (i32.const 1103515245)) (local.get $left))
      (i32.const 2147483629)))
    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))
`;
}
