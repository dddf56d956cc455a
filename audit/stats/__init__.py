"""Estimators and intervals: arrays in, arrays or frozen dataclasses out, NaN where undefined."""
