;; Misbehaves in alloc.
(func $alloc (export "alloc") (param $size i32) (result i32)
  {MISBEHAVE}
  (i32.const 65536))
