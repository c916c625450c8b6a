;; Answers every request with the same allow, without a look at it: what is left is the agent's own cost.
(module
  (memory (export "memory") 2)
  (data (i32.const 16) "{\"decision\":\"allow\"}")

  ;; One call at a time, so the input always gets the same place.
  (func (export "alloc") (param $size i32) (result i32)
    (i32.const 1024))

  (func (export "dealloc") (param $at i32) (param $size i32))

  (func (export "on_request_headers") (param $at i32) (param $length i32) (result i64)
    ;; address 16 in the high half, 20 bytes in the low half
    (i64.const 0x0000001000000014)))
