;; dealloc is not exported.
(func $dealloc (param $pointer i32) (param $size i32))
