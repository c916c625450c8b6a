;; Two to the power of 60 calls, sixty deep, without a loop: only counting function entries stops it.
(func $double (param $n i32) (result i32)
  (if (result i32) (local.get $n)
    (then (i32.add
      (call $double (i32.sub (local.get $n) (i32.const 1)))
      (call $double (i32.sub (local.get $n) (i32.const 1)))))
    (else (i32.const 1))))
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (drop (call $double (i32.const 60)))
  (call $allow))
