;; Misbehaves in the handlers.
(func $handle (param $pointer i32) (param $length i32) (result i64)
  {MISBEHAVE}
  (call $allow))
