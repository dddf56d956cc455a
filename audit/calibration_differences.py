"""Whether calibration differs between the levels of an attribute, or between the sites."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from audit.plan import Minimum
from audit.row_terms import patients_of
from audit.rows import Floats, Rows
from audit.sections import CalibrationInteraction
from audit.stats import calibration_tests
from audit.stats.calibration_tests import WaldTest
from audit.stats.logistic import Recalibration
from audit.strata import StrataSet

Bools = NDArray[np.bool_]


def calibration_interactions(
    rows: Rows,
    sets: Iterable[StrataSet],
    minimum: Minimum | None = None,
    fits: Mapping[tuple[str, ...], Floats] | None = None,
) -> tuple[CalibrationInteraction, ...]:
    """Test group by logit(p) for every single attribute and the site.

    Empty when the score is not a probability. Levels are left out, by name, that have fewer than
    `minimum.events` patients with or without the condition, and those without a calibration fit.
    `fits` holds what is known already, by attributes: intercept, slope and calibration-in-the-large
    of every stratum.
    """
    if not rows.is_probability:
        return ()
    least = (minimum or Minimum()).events
    known = fits or {}
    return tuple(
        _of_attribute(rows, s, least, known.get(s.attributes))
        for s in sets
        if len(s.attributes) == 1
    )


def _of_attribute(
    rows: Rows, strata: StrataSet, least: int, fit: Floats | None
) -> CalibrationInteraction:
    code = strata.codes[rows.position].astype(np.int64)
    enough = _enough(rows, code, len(strata.strata), least)
    levels = np.flatnonzero(enough)
    mine = enough[code]
    found = calibration_tests.calibration_interaction(
        rows.logit[mine],
        rows.label[mine],
        np.searchsorted(levels, code[mine]),
        levels.size,
        rows.cluster[mine],
        _known(fit) if enough.all() else None,
    )
    kept = set(levels[found.kept].tolist())
    status, reason = "ok", None
    if len(kept) < 2:
        status = "insufficient"
        reason = "fewer than two levels have enough patients and a calibration fit to be compared"
    elif np.isnan(found.joint.chi2) or np.isnan(found.slopes.chi2):
        status, reason = "insufficient", "there are too few patients for so many levels"
    slopes = found.slopes if status == "ok" else _NOTHING
    joint = found.joint if status == "ok" else _NOTHING
    names = [level for (level,) in strata.levels]
    return CalibrationInteraction.model_validate(
        {
            "id": f"calibration_interaction/{strata.attributes[0]}",
            "attribute": strata.attributes[0],
            "levels": tuple(name for i, name in enumerate(names) if i in kept),
            "left_out": tuple(name for i, name in enumerate(names) if i not in kept),
            **_test("slope", slopes),
            **_test("joint", joint),
            "method": f"wald_{'cluster_robust' if rows.clustered else 'robust'}",
            "status": status,
            "reason": reason,
        }
    )


def _known(fit: Floats | None) -> Recalibration | None:
    """Parameters found for other figures, if any were."""
    if fit is None or np.isnan(fit).all():
        return None
    intercept, slope, citl = fit.T
    return Recalibration(citl, intercept, slope, ~np.isnan(citl), ~np.isnan(slope))


_NOTHING = WaldTest(float("nan"), 0, float("nan"))


def _test(name: str, test: WaldTest) -> dict[str, float | int | None]:
    known = not np.isnan(test.chi2)
    return {
        f"{name}_chi2": float(test.chi2) if known else None,
        f"{name}_df": int(test.df) if known else None,
        f"{name}_p": float(test.p) if known else None,
    }


def _enough(rows: Rows, code: NDArray[np.int64], levels: int, least: int) -> Bools:
    """Levels with so many patients with the condition, and so many without."""
    patients = patients_of(rows, code, levels)
    fewest = np.minimum(patients.behind(rows.label == 0), patients.behind(rows.label == 1))
    enough: Bools = fewest >= least
    return enough
