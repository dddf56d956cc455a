"""The verdicts of a gate, written for terminals, build servers and code hosts.

Every format is a pure function of what was judged.
"""
