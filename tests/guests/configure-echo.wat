;; Allows with the configuration's text as its tag, or none before it was configured.
(memory (export "memory") 4)
(data (i32.const 64) "{\"decision\":\"allow\",\"tags\":[\"")
(data (i32.const 128) "\"]}")
(global $end (mut i32) (i32.const 0))
;; The answer stands ready at 131072; a backslash goes before each quote and backslash.
(func (export "on_configure") (param $pointer i32) (param $length i32) (result i32)
  (local $byte i32) (local $out i32)
  (local.set $out (call $append (i32.const 131072) (i32.const 64) (i32.const 29)))
  (block $done
    (loop $next
      (br_if $done (i32.eqz (local.get $length)))
      (local.set $byte (i32.load8_u (local.get $pointer)))
      (if (i32.or
            (i32.eq (local.get $byte) (i32.const 0x22))
            (i32.eq (local.get $byte) (i32.const 0x5c)))
        (then
          (i32.store8 (local.get $out) (i32.const 0x5c))
          (local.set $out (i32.add (local.get $out) (i32.const 1)))))
      (i32.store8 (local.get $out) (local.get $byte))
      (local.set $out (i32.add (local.get $out) (i32.const 1)))
      (local.set $pointer (i32.add (local.get $pointer) (i32.const 1)))
      (local.set $length (i32.sub (local.get $length) (i32.const 1)))
      (br $next)))
  (global.set $end (call $append (local.get $out) (i32.const 128) (i32.const 3)))
  (i32.const 0))
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (if (result i64) (global.get $end)
    (then (call $result (i32.const 131072) (i32.sub (global.get $end) (i32.const 131072))))
    (else (call $allow))))
