"""The bins of a tally: edges of the score between which rows are counted together."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from audit.curves import RISK_EDGES
from audit.decision_curves import STEPS, probability_thresholds
from audit.plan import Plan
from audit.problems import InputError, Problem
from audit.roles import probabilities
from audit.sweep import ECE_BINS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNIFORM = 4096
# Edges near 0 and 1, where equal widths of the probability are wide on the scale of its log odds:
# 32 for each halving from 1/32 to 2^-13, then 8 down to 2^-34, beyond which scores are clipped.
# All are exact, so that every site has the same ones.
_NEAR_0 = tuple(
    sorted(
        {2.0**-j * (1 + i / 32) for j in range(6, 14) for i in range(32)}
        | {2.0**-j * (1 + i / 8) for j in range(14, 35) for i in range(8)}
    )
)
TAILS = (*_NEAR_0, *(1 - p for p in reversed(_NEAR_0)))
MOST_BINS = 1 << 16


@dataclass(frozen=True)
class Bins:
    """Half-open bins [l, u), the first and the last open-ended.

    The inner edges are ``k / uniform``, the tails (where `uniform` is not 0) and the `cuts`. They
    are edges of the probability, where the score is one or a logit, and of the score itself where
    it is a rank.
    """

    uniform: int
    cuts: tuple[float, ...]

    @cached_property
    def edges(self) -> Floats:
        """The inner edges, strictly ascending."""
        regular = (*(np.arange(1, self.uniform) / self.uniform), *TAILS) if self.uniform else ()
        return np.unique(np.array([*regular, *self.cuts], dtype=np.float64))

    @property
    def count(self) -> int:
        """How many bins there are."""
        return self.edges.size + 1

    def of(self, values: Floats) -> Ints:
        """The bin of each value."""
        return np.searchsorted(self.edges, values, side="right").astype(np.int64)

    @property
    def name(self) -> str:
        """How methods call a tally with these bins, such as ``tally_4096``."""
        return f"tally_{self.uniform or self.count}"


def bins_for(plan: Plan, uniform: int = UNIFORM, edges: Sequence[float] = ()) -> Bins:
    """Choose the bins for a plan.

    For a probability or a logit, `uniform` bins of equal width, finer ones towards 0 and 1, and
    more edges at the decision threshold and wherever a calibration bin, a decision curve or a
    histogram has one, so that those are exact. For a rank, the declared `edges` and the threshold.
    A yes/no prediction has two bins.

    Raises
    ------
    InputError
        When the task is not binary, a rank has no edges, or `uniform` is not from 2 to 65,536.
    """
    if plan.task != "binary":
        reason = f"a tally is for binary labels, and the plan's task is {plan.task}"
        raise _problem(reason, "use `equipoise audit`")
    if any(not np.isfinite(edge) for edge in edges):
        raise _problem("an edge is not a finite number", "give finite edges")
    if plan.columns.score is None:
        return Bins(0, (0.5,))
    threshold = () if plan.threshold is None else (plan.threshold.value,)
    if plan.score_kind == "rank":
        if not edges:
            reason = "a rank score has no natural bins"
            raise _problem(reason, "declare its edges: --edges 10,20,30")
        return Bins(0, _ascending([*edges, *threshold]))
    if not 2 <= uniform <= MOST_BINS:
        raise _problem(f"{uniform} bins", f"give from 2 to {MOST_BINS:,}")
    calibration = np.arange(1, ECE_BINS) / ECE_BINS
    line = probabilities(np.array(threshold, dtype=np.float64), plan)
    decision = (*(np.arange(1, STEPS + 1) / STEPS), *probability_thresholds(plan.options))
    cuts = [*calibration, *decision, *RISK_EDGES[1:-1], *line, *edges]
    return Bins(uniform, _ascending(cuts))


def _ascending(cuts: Sequence[float]) -> tuple[float, ...]:
    return tuple(sorted({float(cut) for cut in cuts}))


def _problem(reason: str, remedy: str) -> InputError:
    return InputError(Problem("bad_bins", "tally", reason, remedy))
