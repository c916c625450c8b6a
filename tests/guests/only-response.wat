;; Blocks responses with 403, and has no handler for requests.
(data (i32.const 64) "{\"decision\":\"block\"}")
(func $on_request_headers)
(func $on_response_headers (export "on_response_headers") (param $pointer i32) (param $length i32) (result i64)
  (call $result (i32.const 64) (i32.const 20)))
