;; Both handlers return an i32.
(func $on_request_headers (export "on_request_headers") (param $pointer i32) (param $length i32) (result i32)
  (i32.const 0))
(func $on_response_headers (export "on_response_headers") (param $pointer i32) (param $length i32) (result i32)
  (i32.const 0))
