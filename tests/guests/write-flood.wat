;; Writes ten thousand lines to standard output, then allows. The line holds a terminal escape and no UTF-8.
(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
(data (i32.const 64) "\1b[31mflood \ff\0d\0a")
(data (i32.const 128) "\40\00\00\00\0e\00\00\00")
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (local $left i32)
  (local.set $left (i32.const 10000))
  (loop $again
    (drop (call $fd_write (i32.const 1) (i32.const 128) (i32.const 1) (i32.const 136)))
    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
  (call $allow))
