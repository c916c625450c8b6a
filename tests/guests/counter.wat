;; Allows with the tag n-1, n-2, ...: state that lives as long as the instance.
(global $count (mut i32) (i32.const 0))
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (global.set $count (i32.add (global.get $count) (i32.const 1)))
  (call $allow_with_number (global.get $count)))
