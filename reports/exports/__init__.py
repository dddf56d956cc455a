"""The audit for other programs: pure functions of the papers, one module a format."""
