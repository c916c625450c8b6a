;; Computes for about a millisecond an event, then allows: 500,000 dependent steps of a 32-bit xorshift.
(module
  (memory (export "memory") 2)
  (data (i32.const 16) "{\"decision\":\"allow\"}")

  (func (export "alloc") (param $size i32) (result i32)
    (i32.const 1024))

  (func (export "dealloc") (param $at i32) (param $size i32))

  (func (export "on_request_headers") (param $at i32) (param $length i32) (result i64)
    (local $x i32)
    (local $left i32)
    (local.set $x (i32.or (local.get $length) (i32.const 1)))
    (local.set $left (i32.const 500000))
    (loop $step
      (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 13))))
      (local.set $x (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 17))))
      (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 5))))
      (br_if $step (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    ;; stored, so that no compiler drops the loop
    (i32.store (i32.const 8) (local.get $x))
    (i64.const 0x0000001000000014)))
