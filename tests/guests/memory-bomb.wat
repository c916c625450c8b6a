;; Grows its memory by 16 pages at a time until it is refused, then allows with the tag n-<pages>.
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (loop $more
    (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
  (call $allow_with_number (memory.size)))
