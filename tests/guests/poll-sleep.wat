;; Asks poll_oneoff to wait for an hour, then allows with the tag n-<events>.
(import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
;; A subscription of 48 bytes: userdata 7, tag 0 (clock), clock 1 (monotonic), timeout 3600 s in ns, precision 0, flags 0.
(data (i32.const 64)
  "\07\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00" "\01\00\00\00\00\00\00\00"
  "\00\a0\b8\30\46\03\00\00" "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00")
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (if (call $poll_oneoff (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 192))
    (then (unreachable)))
  (call $allow_with_number (i32.load (i32.const 192))))
