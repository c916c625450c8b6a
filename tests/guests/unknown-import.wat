;; Imports a function that no host knows.
(import "env" "nope" (func $nope (param i32) (result i32)))
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (drop (call $nope (i32.const 1)))
  (call $allow))
