;; Misbehaves in the start section, before the host holds the exports.
(func $start {MISBEHAVE})
(start $start)
