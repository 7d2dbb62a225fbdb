"""A fuzzer of reading and writing: random tables of every format, many of them damaged.

The test suite runs a share of it. ``python -m tests.fuzz --minutes 60`` runs it for longer.
"""
