;; Blocks requests with 403, and has no handler for responses.
(data (i32.const 64) "{\"decision\":\"block\"}")
(func $on_request_headers (export "on_request_headers") (param $pointer i32) (param $length i32) (result i64)
  (call $result (i32.const 64) (i32.const 20)))
(func $on_response_headers)
