;; Allows, from the very last bytes of its memory.
(data (i32.const 131052) "{\"decision\":\"allow\"}")
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (call $result (i32.const 131052) (i32.const 20)))
