"""The mergeable, binned way to the sums: tallies that add up over files, hospitals and months."""

from audit.tally.rows import tally_of
from audit.tally.tally import Tally, merge

__all__ = ["Tally", "merge", "tally_of"]
