;; Grows its memory by one page an event (a leak), then allows with the tag n-<pages>.
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (drop (memory.grow (i32.const 1)))
  (call $allow_with_number (memory.size)))
