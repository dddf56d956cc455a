"""Documents: an AuditResult in, PDF, HTML and plain text out. Nothing is computed here."""
