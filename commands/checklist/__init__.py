"""``equipoise checklist``: obligations, answered once, with evidence, for the right date."""
