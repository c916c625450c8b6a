;; Waits without end for another thread to wake it.
(memory (export "memory") 2 4 shared)
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
  (call $allow))
