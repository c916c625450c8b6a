;; Grows a table by 65536 entries at a time until it is refused, then allows with the tag n-<entries>.
(table $entries 1 funcref)
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (loop $more
    (br_if $more (i32.ne (table.grow $entries (ref.null func) (i32.const 65536)) (i32.const -1))))
  (call $allow_with_number (table.size $entries)))
