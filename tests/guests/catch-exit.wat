;; Catches whatever proc_exit(1) throws, and then allows.
(import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (try (do (call $proc_exit (i32.const 1))) (catch_all))
  (call $allow))
