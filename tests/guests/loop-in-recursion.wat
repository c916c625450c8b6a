;; Never ends, with loops inside a recursion that itself ends: neither the stack nor one loop tells.
(func $descend (param $depth i32)
  (loop $again
    (if (local.get $depth)
      (then (call $descend (i32.sub (local.get $depth) (i32.const 1)))))
    (br $again)))
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (call $descend (i32.const 100))
  (call $allow))
