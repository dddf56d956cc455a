"""Two models, or two versions of one, on the same units: what changed, and for whom."""
