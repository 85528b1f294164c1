"""Lagrangian relaxation with repair: quick, feasible, and with a proven bound.

`tables` puts a problem into arrays, `parts` splits them, `relax` answers a part; what they stand on is in `trees`
(dynamic programming along ties), `bundle` (the weights of the rows), `repair` and `exact`.
"""
