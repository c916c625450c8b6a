;; Misbehaves in the start section.
(func $start {MISBEHAVE})
(start $start)
