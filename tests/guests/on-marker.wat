;; Misbehaves only when the input contains the bytes "boom".
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (local $last i32)
  (local.set $last (i32.add (local.get $pointer) (local.get $length)))
  (loop $next
    (if (i32.le_u (i32.add (local.get $pointer) (i32.const 4)) (local.get $last))
      (then
        (if (i32.eq (i32.load align=1 (local.get $pointer)) (i32.const 0x6d6f6f62))
          (then {MISBEHAVE}))
        (local.set $pointer (i32.add (local.get $pointer) (i32.const 1)))
        (br $next))))
  (call $allow))
