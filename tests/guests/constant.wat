;; Allows, with the same text every time: the least a guest can do.
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (call $allow))
