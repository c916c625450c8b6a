;; Computes for a while ({ROUNDS} rounds), then allows.
(global $sum (mut i32) (i32.const 1))
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (local $left i32)
  (local.set $left (i32.const {ROUNDS}))
  (loop $again
    (global.set $sum (i32.rem_u
      (i32.add (i32.mul (global.get $sum) (i32.const 1103515245)) (local.get $left))
      (i32.const 2147483629)))
    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
  (call $allow))
