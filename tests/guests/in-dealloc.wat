;; Misbehaves in dealloc.
(func $dealloc (export "dealloc") (param $pointer i32) (param $size i32)
  {MISBEHAVE})
