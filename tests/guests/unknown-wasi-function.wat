;; Imports a WASI function that does not exist, and allows with the tag n-<what it answers>.
(import "wasi_snapshot_preview1" "fd_frobnicate" (func $frobnicate (param i32) (result i32)))
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (call $allow_with_number (call $frobnicate (i32.const 1))))
