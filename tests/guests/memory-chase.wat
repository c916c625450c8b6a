;; Never ends: follows links through 32 MiB, which no cache of a processor holds, so that each takes a hundred times as
;; long as other instructions.
(memory (export "memory") 514)

;; All words from 131072 on are links in one long circle, far from each other.
(func $link
  (local $word i32)
  (loop $next
    (i32.store offset=131072 (i32.shl (local.get $word) (i32.const 2))
      (i32.shl
        (i32.and
          (i32.add (i32.mul (local.get $word) (i32.const 1664525)) (i32.const 1013904223))
          (i32.const 0x7fffff))
        (i32.const 2)))
    (br_if $next (i32.lt_u
      (local.tee $word (i32.add (local.get $word) (i32.const 1)))
      (i32.const 0x800000)))))
(start $link)

;; The same far down in a recursion, in loops that go on when it returns. Starts where nobody was yet.
(global $seed (mut i32) (i32.const 0))
(func $descend (param $depth i32)
  (local $turn i32)
  (local $at i32)
  (global.set $seed (i32.add (global.get $seed) (i32.const 0x9e3779b1)))
  (local.set $at (i32.and (global.get $seed) (i32.const 0x1fffffc)))
  (local.set $turn (i32.const 300))
  (loop $again
    (if (i32.and (i32.eq (local.get $turn) (i32.const 250)) (i32.ne (local.get $depth) (i32.const 0)))
      (then (call $descend (i32.sub (local.get $depth) (i32.const 1)))))
    (local.set $at (i32.load offset=131072 (local.get $at)))
    (local.set $at (i32.load offset=131072 (local.get $at)))
    (local.set $at (i32.load offset=131072 (local.get $at)))
    (local.set $at (i32.load offset=131072 (local.get $at)))
    (br_if $again (local.tee $turn (i32.sub (local.get $turn) (i32.const 1))))))

(func $handle (param $pointer i32) (param $length i32) (result i64)
  (local $at i32)
  (loop $forever
    {FOLLOW}
    (br $forever))
  (call $allow))
