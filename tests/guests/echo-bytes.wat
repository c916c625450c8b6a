;; Allows; the input comes back as audit.custom.input, its bytes in hexadecimal as audit.custom.bytes.
{EXPORTS}
(data (i32.const 64) "{\"decision\":\"allow\",\"custom\":{\"input\":")
(data (i32.const 128) ",\"bytes\":\"")
(data (i32.const 160) "\"}}")
(data (i32.const 192) "0123456789abcdef")
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (call $handle_bytes (local.get $pointer) (local.get $length) (i32.const 0) (i32.const 0)))
(func $handle_bytes
  (param $pointer i32) (param $length i32) (param $bytes i32) (param $bytes_length i32) (result i64)
  (local $start i32) (local $end i32) (local $byte i32)
  ;; Behind both inputs, of which the bytes come second.
  (local.set $start
    (select
      (i32.add (local.get $bytes) (local.get $bytes_length))
      (i32.add (local.get $pointer) (local.get $length))
      (local.get $bytes_length)))
  (call $reserve
    (i32.add (i32.add (local.get $start) (local.get $length))
      (i32.add (i32.mul (local.get $bytes_length) (i32.const 2)) (i32.const 64))))
  (local.set $end (call $append (local.get $start) (i32.const 64) (i32.const 38)))
  (local.set $end (call $append (local.get $end) (local.get $pointer) (local.get $length)))
  (local.set $end (call $append (local.get $end) (i32.const 128) (i32.const 10)))
  (block $done
    (loop $next
      (br_if $done (i32.eqz (local.get $bytes_length)))
      (local.set $byte (i32.load8_u (local.get $bytes)))
      (i32.store8 (local.get $end)
        (i32.load8_u offset=192 (i32.shr_u (local.get $byte) (i32.const 4))))
      (i32.store8 offset=1 (local.get $end)
        (i32.load8_u offset=192 (i32.and (local.get $byte) (i32.const 15))))
      (local.set $end (i32.add (local.get $end) (i32.const 2)))
      (local.set $bytes (i32.add (local.get $bytes) (i32.const 1)))
      (local.set $bytes_length (i32.sub (local.get $bytes_length) (i32.const 1)))
      (br $next)))
  (local.set $end (call $append (local.get $end) (i32.const 160) (i32.const 3)))
  (call $result (local.get $start) (i32.sub (local.get $end) (local.get $start))))
