"""A tally as a file: canonical JSON, one line per stratum, the same bytes for the same tally."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, ValidationError

from audit.plan import Plan
from audit.problems import InputError, Problem
from audit.tally.bins import Bins, bins_for
from audit.tally.fixed import BITS, Fixed, from_integers, joined
from audit.tally.tally import (
    CELL_SUMS,
    COUNTED,
    PATTERNS,
    Cells,
    Stratum,
    Tally,
    Totals,
    is_probability,
    kind_of,
    pairs_of,
    summed,
)

Ints = NDArray[np.int64]
FORMAT = 1
NOTE = (
    "Holds small cells: for those who audit, not for publication. "
    "A patient with rows in two tallies that are merged counts as two."
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Cells(_Part):
    """The bins of one outcome that hold rows; `score` is null where the scores differ."""

    bin: tuple[NonNegativeInt, ...]
    count: tuple[PositiveInt, ...]
    score: tuple[float | None, ...]
    p: tuple[int, ...] = ()
    logit: tuple[int, ...] = ()
    logit_squared: tuple[int, ...] = ()


class _Stratum(_Part):
    attributes: tuple[str, ...]
    levels: tuple[str, ...]
    rows: NonNegativeInt
    missing_label: NonNegativeInt
    missing_score: NonNegativeInt
    patients: tuple[NonNegativeInt, ...]
    totals: dict[str, int]
    products: tuple[int, ...]
    negative: _Cells
    positive: _Cells


class _Several(_Part):
    attributes: tuple[str, ...]
    patients: NonNegativeInt


class _Bins(_Part):
    uniform: NonNegativeInt
    cuts: tuple[float, ...]


class _Cohort(_Part):
    patients: NonNegativeInt
    largest_patient: NonNegativeInt
    patients_at_several_sites: NonNegativeInt
    clipped: NonNegativeInt
    at_half: NonNegativeInt


class _File(_Part):
    equipoise_tally: int
    note: str
    tool_versions: tuple[str, ...]
    plan_sha256: str
    plan: dict[str, Any]
    score_kind: str
    bins: _Bins
    unit_of_sums: str
    cohort: _Cohort
    patients_in_several_strata: tuple[_Several, ...]
    strata: tuple[_Stratum, ...]


def tally_text(tally: Tally) -> str:
    """Write a tally as text; sums are whole numbers of 2^-52."""
    head = {
        "equipoise_tally": FORMAT,
        "note": NOTE,
        "tool_versions": tally.tool_versions,
        "plan_sha256": tally.plan_sha256,
        "plan": tally.plan,
        "score_kind": tally.kind,
        "bins": {"uniform": tally.bins.uniform, "cuts": tally.bins.cuts},
        "unit_of_sums": f"2^-{BITS}",
        "cohort": vars(tally.cohort),
        "patients_in_several_strata": [
            {"attributes": attributes, "patients": count}
            for attributes, count in sorted(tally.several.items())
        ],
    }
    lines = [f"{json.dumps(key)}:{_compact(value)}" for key, value in head.items()]
    strata = ",\n".join(_compact(stratum) for stratum in _strata(tally))
    return "{" + ",\n".join(lines) + ',\n"strata":[\n' + strata + "\n]}\n"


def tally_sha256(tally: Tally) -> str:
    """SHA-256 of the tally's canonical text."""
    return hashlib.sha256(tally_text(tally).encode()).hexdigest()


def read_tally(path: Path) -> Tally:
    """Read a tally file.

    Raises
    ------
    InputError
        When it is absent, cut short, changed by hand or of another version.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise _problem(path, "no such file", "check the path") from None
    except OSError as error:
        reason = f"it cannot be read ({error.strerror})"
        raise _problem(path, reason, "check the path and its permissions") from None
    remedy = "write it again with `equipoise tally`"
    try:
        return _tally(_File.model_validate_json(content))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise _problem(path, f"not a tally ({place}: {first['msg']})", remedy) from None
    except (ValueError, OverflowError) as error:
        raise _problem(path, f"the tally does not add up ({error})", remedy) from None


def _problem(path: Path, reason: str, remedy: str) -> InputError:
    return InputError(Problem("bad_tally", str(path), reason, remedy))


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _strata(tally: Tally) -> list[dict[str, Any]]:
    cells, bins = tally.cells, tally.bins.count
    names = summed(tally.kind)
    totals, products = tally.totals.integers(), tally.products.integers()
    # Cells are in the order of stratum, outcome and bin.
    edges = np.searchsorted(cells.key, np.arange(2 * len(tally.strata) + 1) * bins)
    out = []
    for i, stratum in enumerate(tally.strata):
        outcomes = [
            _cell_lists(tally, slice(int(edges[2 * i + k]), int(edges[2 * i + k + 1])))
            for k in (0, 1)
        ]
        out.append(
            {
                "attributes": stratum.attributes,
                "levels": stratum.levels,
                "rows": int(tally.rows[i]),
                "missing_label": int(tally.missing_label[i]),
                "missing_score": int(tally.missing_score[i]),
                "patients": tally.patterns[i].tolist(),
                "totals": {
                    name: units >> BITS if name in COUNTED else units
                    for name, units in zip(names, totals[i], strict=True)
                },
                "products": products[i],
                "negative": outcomes[0],
                "positive": outcomes[1],
            }
        )
    return out


def _cell_lists(tally: Tally, part: slice) -> dict[str, Any]:
    cells = tally.cells
    lists: dict[str, Any] = {
        "bin": (cells.key[part] % tally.bins.count).tolist(),
        "count": cells.count[part].tolist(),
        "score": [None if np.isnan(s) else s for s in cells.score[part].tolist()],
    }
    if is_probability(tally.kind):
        columns = zip(*cells.sums.take(part).integers(), strict=True)
        empty: list[tuple[int, ...]] = [()] * len(CELL_SUMS)
        lists |= dict(zip(CELL_SUMS, list(columns) or empty, strict=True))
    return lists


def _tally(file: _File) -> Tally:
    """Turn a file into a tally; ValueError says what does not fit."""
    _require(file.equipoise_tally == FORMAT, f"format {file.equipoise_tally} is not {FORMAT}")
    try:
        plan = Plan.model_validate(file.plan)
    except ValidationError:
        raise ValueError("its plan is not one of this version") from None
    hashed = plan.sha256() == file.plan_sha256
    _require(hashed, "its plan is not the one that was hashed, or of another version")
    kind = kind_of(plan)
    _require(file.score_kind == kind, "its score_kind is not the plan's")
    bins = Bins(file.bins.uniform, file.bins.cuts)
    _require(_has_edges(bins, plan), "its bins lack an edge that the plan needs")
    strata = tuple(Stratum(s.attributes, s.levels) for s in file.strata)
    _require(strata == tuple(sorted(set(strata))), "the strata are out of order")
    _require(Stratum((), ()) in strata, "the whole cohort is absent")
    declared = set(plan.dimensions)
    _require(all(_of_plan(s, declared) for s in strata), "a stratum is not of its plan")
    tally = Tally(
        plan=file.plan,
        plan_sha256=file.plan_sha256,
        tool_versions=file.tool_versions,
        kind=kind,
        patients_declared=plan.columns.patient is not None,
        bins=bins,
        cohort=Totals(**file.cohort.model_dump()),
        several={s.attributes: s.patients for s in file.patients_in_several_strata},
        strata=strata,
        rows=_ints([s.rows for s in file.strata]),
        missing_label=_ints([s.missing_label for s in file.strata]),
        missing_score=_ints([s.missing_score for s in file.strata]),
        patterns=_patterns(file),
        totals=_totals(file, summed(kind)),
        products=_products(file, len(pairs_of(len(summed(kind))))),
        cells=_cells(file, bins.count, len(CELL_SUMS) if is_probability(kind) else 0),
    )
    _require_sums(tally)
    return tally


def _require(fits: bool, reason: str) -> None:
    if not fits:
        raise ValueError(reason)


def _has_edges(bins: Bins, plan: Plan) -> bool:
    try:
        return bins == bins_for(plan, bins.uniform, bins.cuts)
    except InputError:
        return False


def _of_plan(stratum: Stratum, declared: set[str]) -> bool:
    attributes = stratum.attributes
    distinct = attributes == tuple(sorted(set(attributes)))
    return distinct and set(attributes) <= declared and len(stratum.levels) == len(attributes)


def _ints(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _patterns(file: _File) -> Ints:
    _require(all(len(s.patients) == PATTERNS for s in file.strata), "patients: 16 numbers")
    return np.array([s.patients for s in file.strata], np.int64)


def _totals(file: _File, names: tuple[str, ...]) -> Fixed:
    _require(all(tuple(s.totals) == names for s in file.strata), f"totals: {', '.join(names)}")
    units = [
        [n << BITS if name in COUNTED else n for name, n in s.totals.items()] for s in file.strata
    ]
    return from_integers(units, (len(file.strata), len(names)))


def _products(file: _File, count: int) -> Fixed:
    _require(all(len(s.products) == count for s in file.strata), f"products: {count} numbers")
    return from_integers([s.products for s in file.strata], (len(file.strata), count))


def _cells(file: _File, bins: int, columns: int) -> Cells:
    key: list[Ints] = []
    count: list[int] = []
    score: list[float] = []
    sums: list[Fixed] = []
    for i, stratum in enumerate(file.strata):
        for k, cells in enumerate((stratum.negative, stratum.positive)):
            size = len(cells.bin)
            lists = [getattr(cells, name) for name in CELL_SUMS[:columns]]
            fits = all(len(values) == size for values in (cells.count, cells.score, *lists))
            _require(fits, "the lists of a stratum differ in length")
            own = _ints(list(cells.bin))
            _require(bool(np.all(own[1:] > own[:-1])), "bins are out of order")
            _require(not size or int(own[-1]) < bins, "there is no such bin")
            key.append((i * 2 + k) * bins + own)
            count.extend(cells.count)
            score.extend(np.nan if s is None else s for s in cells.score)
            sums.append(from_integers(list(zip(*lists, strict=True)), (size, columns)))
    return Cells(np.concatenate(key), _ints(count), joined(sums), np.array(score, np.float64))


def _require_sums(tally: Tally) -> None:
    """The counts of a stratum are told three times: in its totals, cells and patients."""
    owner = tally.cells.key // tally.bins.count
    counted = np.bincount(owner, tally.cells.count, 2 * len(tally.strata)).reshape(-1, 2)
    told = tally.totals.whole[:, :2]
    _require(bool((counted[:, ::-1] == told).all()), "cells and totals differ")
    _require(bool((tally.totals.whole[:, 2:4] <= told).all()), "more are flagged than there are")
    analysed = told.sum(axis=1)
    _require(bool((analysed <= tally.rows).all()), "more rows are analysed than there are")
    units = tally.patterns.sum(axis=1)
    enough = units == analysed if not tally.clustered else units <= analysed
    _require(bool(enough.all()), "patients and rows differ")
