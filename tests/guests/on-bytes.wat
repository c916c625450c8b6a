;; Misbehaves at bodies, frames and guardrails, and allows headers.
(func $handle_bytes
  (param $pointer i32) (param $length i32) (param $bytes i32) (param $bytes_length i32) (result i64)
  {MISBEHAVE}
  (call $allow))
