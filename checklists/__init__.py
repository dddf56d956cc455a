"""Obligations: instruments as data, answers as files, evidence linked to an audit result."""
