;; Allows; the input comes back as audit.custom.input.
{EXPORTS}
(data (i32.const 64) "{\"decision\":\"allow\",\"custom\":{\"input\":")
(data (i32.const 128) "}}")
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (local $start i32) (local $end i32)
  (local.set $start (i32.add (local.get $pointer) (local.get $length)))
  (call $reserve (i32.add (local.get $start) (i32.add (local.get $length) (i32.const 64))))
  (local.set $end (call $append (local.get $start) (i32.const 64) (i32.const 38)))
  (local.set $end (call $append (local.get $end) (local.get $pointer) (local.get $length)))
  (local.set $end (call $append (local.get $end) (i32.const 128) (i32.const 2)))
  (call $result (local.get $start) (i32.sub (local.get $end) (local.get $start))))
