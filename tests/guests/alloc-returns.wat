;; alloc hands out a place that is not there. Memory has two pages: 131072 bytes.
(func $alloc (export "alloc") (param $size i32) (result i32)
  (i32.const {POINTER}))
;; Out of the way of an input at 0.
(data (i32.const 65536) "{\"decision\":\"allow\"}")
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (call $result (i32.const 65536) (i32.const 20)))
