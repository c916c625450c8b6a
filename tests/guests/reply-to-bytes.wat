;; Answers bodies, frames and guardrails with a given text, and allows headers.
(data (i32.const 2048) "{RESULT}")
(func $handle_bytes
  (param $pointer i32) (param $length i32) (param $bytes i32) (param $bytes_length i32) (result i64)
  (call $result (i32.const 2048) (i32.const {LENGTH})))
