;; Allows every request at once, except: one that contains "~spin" loops for ever, one that contains "~slow" computes
;; for about twenty milliseconds.
(module
  (memory (export "memory") 2)
  (data (i32.const 16) "{\"decision\":\"allow\"}")

  (func (export "alloc") (param $size i32) (result i32)
    (i32.const 1024))

  (func (export "dealloc") (param $at i32) (param $size i32))

  (func $compute (param $steps i32)
    (local $x i32)
    (local.set $x (i32.const 1))
    (loop $step
      (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 13))))
      (local.set $x (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 17))))
      (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 5))))
      (br_if $step (local.tee $steps (i32.sub (local.get $steps) (i32.const 1)))))
    (i32.store (i32.const 8) (local.get $x)))

  (func (export "on_request_headers") (param $at i32) (param $length i32) (result i64)
    (local $end i32)
    (local $word i32)
    (local.set $end (i32.sub (i32.add (local.get $at) (local.get $length)) (i32.const 4)))
    (block $searched
      (loop $search
        (br_if $searched (i32.ge_u (local.get $at) (local.get $end)))
        (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x7e)) ;; ~
          (then
            (local.set $word (i32.load offset=1 align=1 (local.get $at)))
            (if (i32.eq (local.get $word) (i32.const 0x6e697073)) ;; spin, little end first
              (then (loop $forever (br $forever))))
            (if (i32.eq (local.get $word) (i32.const 0x776f6c73)) ;; slow
              (then (call $compute (i32.const 10000000))))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $search)))
    (i64.const 0x0000001000000014)))
