"""The groups of commands of `tillstream`, one module each.

What a command works with is imported inside it: `--help` and a mistyped option should be answered at once, and the
whole system takes seconds to load.
"""
