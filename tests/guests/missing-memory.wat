;; Its memory is not exported.
(memory 2)
