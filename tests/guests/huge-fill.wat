;; Fills 32 MiB two thousand times: few instructions, seconds of work.
(memory (export "memory") 514)
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (local $left i32)
  (local.set $left (i32.const 2000))
  (loop $again
    (memory.fill (i32.const 131072) (local.get $left) (i32.const 33554432))
    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
  (call $allow))
