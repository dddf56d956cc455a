"""Where a cohort comes from: each module reads one kind of source into a `Source`."""
