;; Misbehaves in _initialize.
(func (export "_initialize") {MISBEHAVE})
