;; Answers {ANSWER} when it is configured.
(func (export "on_configure") (param $pointer i32) (param $length i32) (result i32)
  {ANSWER})
