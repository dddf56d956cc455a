"""The records of sums of the other tasks: additive, like the binary one, and read the same way.

A field is either one number for each stratum (or resample, or row) or one for each output: each
class or label seen against the rest. Measures are pure functions of the record.
"""

from dataclasses import dataclass

import numpy as np

from audit.sums import FIELDS, FIRST_TERM, INDEX, Array, Setting, Sums

# What the sweep counts for every output, before the row terms.
OF_OUTPUTS = FIELDS[:FIRST_TERM]


@dataclass(frozen=True)
class OutputSums(Sums):
    """Sums of a task with several outputs, shape ``(..., fields)``.

    The fields of `OF_OUTPUTS` come first, each as a run of one number for every output, so that
    ``sums["tp"]`` has shape ``(..., outputs)``; then one number for each of `terms`.
    """

    outputs: int
    terms: tuple[str, ...]

    def __getitem__(self, name: str) -> Array:
        part: Array
        if name in OF_OUTPUTS:
            first = INDEX[name] * self.outputs
            part = self.values[..., first : first + self.outputs]
        else:
            part = self.values[..., len(OF_OUTPUTS) * self.outputs + self.terms.index(name)]
        return part

    @property
    def n(self) -> Array:
        """Rows."""
        return self["rows"]


@dataclass(frozen=True)
class TermSums(Sums):
    """Sums of named row terms, shape ``(..., terms)``.

    `fit` has shape ``(..., 2)``: the centres that were subtracted from outcome and prediction
    before they were squared, so that large values far from zero lose no digits.
    """

    terms: tuple[str, ...]

    def __getitem__(self, name: str) -> Array:
        part: Array = self.values[..., self.terms.index(name)]
        return part

    @property
    def n(self) -> Array:
        """Rows."""
        return self["rows"]


def output_sums(swept: Array, terms: Array, names: tuple[str, ...]) -> OutputSums:
    """Join what the sweeps counted of each output, ``(outputs, ..., 6)``, and ``(..., terms)``."""
    by_field = np.moveaxis(swept, 0, -1)  # (..., 6, outputs)
    flat = by_field.reshape(*by_field.shape[:-2], -1)
    values = np.concatenate([flat, terms], axis=-1)
    return OutputSums(values, np.full((1, 3), np.nan), Setting(), swept.shape[0], names)
