;; dealloc takes one parameter.
(func $dealloc (export "dealloc") (param $pointer i32))
