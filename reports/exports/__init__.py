"""The audit for other programs: pure functions of the papers, each in the form that a reader wants."""
