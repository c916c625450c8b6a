;; Never ends: thousands of loops inside each other, each of which calls the next depth in one of its first turns and
;; does the rest when that has returned.
(func $descend (param $depth i32)
  (local $turn i32)
  (local.set $turn (i32.const 45))
  (loop $again
    (if (i32.and (i32.eq (local.get $turn) (i32.const 33)) (i32.ne (local.get $depth) (i32.const 0)))
      (then (call $descend (i32.sub (local.get $depth) (i32.const 1)))))
    (br_if $again (local.tee $turn (i32.sub (local.get $turn) (i32.const 1))))))
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (loop $forever
    (call $descend (i32.const 4000))
    (br $forever))
  (call $allow))
