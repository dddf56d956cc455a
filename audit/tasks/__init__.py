"""Multiclass, multilabel and regression, through the machinery of the binary task."""
