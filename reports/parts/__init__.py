"""The sections of the document, one module each: AuditResult in, blocks of text out."""
