"""A shared result shows no small cell, and none can be solved from what it shows."""

import json
import re
from functools import cache
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from audit.disclosure import shareable
from audit.problems import InputError
from audit.result import AuditResult, StratumCount
from audit.shared_sections import AT_OWN_CUT
from commands.audit import Flags, run_audit
from tests.audit.builders import audited, counted, estimate, joined, random_columns, take, write

MIN = 11
CELLS = ("tp", "fn", "fp", "tn")
SIZES = ((260, 1), (700, 2), (1500, 3), (2500, 1))
SETTINGS = [(seed, *size) for seed in range(4) for size in SIZES]
PLAN = """
columns: {{label: y, score: p, site: siteROLES}}
threshold: {{value: 0.4}}
resamples: 100
depth: {depth}
attributes: {{sex: , race: }}
requirements:
  - {{id: floor, measure: sensitivity, strata: [overall, sex, race], floor: 0.5}}
  - {{id: gap, measure: auroc, contrast: gap, attribute: race, margin: 0.4}}
  - {{id: own, measure: flag_rate, contrast: ratio, attribute: race, margin: 0.5, level: 0.9}}
  - {{id: site, measure: prevalence, strata: site, within: [0.1, 0.9]}}
"""


def plan(depth: int, roles: str = "") -> str:
    return PLAN.format(depth=depth).replace("ROLES", roles)


@cache
def pair(seed: int, rows: int, depth: int) -> tuple[AuditResult, AuditResult]:
    columns = random_columns(seed, rows)
    if seed % 2:  # some are not labelled
        columns["y"] = columns["y"].astype(object)
        columns["y"][:: rows // 30] = None
    result = audited(plan(depth), columns)
    return result, shareable(result)


def hidden(result: AuditResult) -> set[str]:
    return {c.stratum for c in result.cohort.strata if c.n is None}


def cells(c: StratumCount) -> list[int]:
    values = [getattr(c, cell) for cell in CELLS]
    assert all(v is not None for v in values)
    return values


def levels_of(stratum: str) -> dict[str, str]:
    if stratum == "overall":
        return {}
    return dict(part.split("=", 1) for part in stratum.split(" & "))


def in_span(rows: NDArray[Any], wanted: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of the wanted vectors are linear combinations of the rows."""
    _, s, vt = np.linalg.svd(rows, full_matrices=False)
    basis = vt[s > 1e-9 * max(1.0, s[0])]
    rest = wanted - wanted @ basis.T @ basis
    return np.asarray(np.abs(rest).max(axis=1) < 1e-7)


def atoms_of(result: AuditResult) -> list[dict[str, str]]:
    """Every full crossing that the names of the strata, withheld ones too, do not rule out."""
    names = {c.stratum for c in result.cohort.strata}
    axes = {a.name: a.levels for a in result.cohort.attributes}
    depth = max(len(c.attributes) for c in result.cohort.strata)
    found = []
    for chosen in product(*axes.values()):
        atom = dict(zip(axes, chosen, strict=True))
        parts = [
            " & ".join(f"{a}={atom[a]}" for a in sorted(some)) for some in combinations(axes, depth)
        ]
        if all(p in names for p in parts):
            found.append(atom)
    return found


def knowledge(result: AuditResult, atoms: list[dict[str, str]]) -> NDArray[np.float64]:
    """One equation for every published integer; the unknowns are the cells of the atoms."""

    def row(stratum: str, of: tuple[str, ...]) -> NDArray[np.float64]:
        want = levels_of(stratum).items()
        inside = [float(want <= atom.items()) for atom in atoms]
        return np.outer(inside, [float(c in of) for c in CELLS]).ravel()

    top = {
        "sensitivity": ("tp",), "specificity": ("tn",), "ppv": ("tp",), "npv": ("tn",),
        "fpr": ("fp",), "fnr": ("fn",), "flag_rate": ("tp", "fp"), "prevalence": ("tp", "fn"),
    }  # fmt: skip
    bottom = {
        "sensitivity": ("tp", "fn"), "specificity": ("tn", "fp"), "ppv": ("tp", "fp"),
        "npv": ("tn", "fn"), "fpr": ("tn", "fp"), "fnr": ("tp", "fn"),
    }  # fmt: skip
    out = []
    for c in result.cohort.strata:
        for field, of in {
            **{cell: (cell,) for cell in CELLS},
            "n": CELLS, "n_positive": ("tp", "fn"), "n_negative": ("fp", "tn"),
        }.items():  # fmt: skip
            if getattr(c, field) is not None:
                out.append(row(c.stratum, of))
    for e in result.estimates:
        if e.n is not None:
            out.append(row(e.stratum, CELLS))
        if e.n_positive is not None:
            out.append(row(e.stratum, ("tp", "fn")))
        if e.measure in top and (e.events is not None or e.value is not None):
            out.append(row(e.stratum, top[e.measure]))
        if e.denominator is not None:
            out.append(row(e.stratum, bottom.get(e.measure, CELLS)))
    for r in result.curves.risk:
        out += [row(r.stratum, ("tp", "fn")), row(r.stratum, ("fp", "tn"))]
    for k in result.curves.calibration:
        out.append(row(k.stratum, CELLS))
    return np.unique(np.array(out), axis=0)


@pytest.mark.parametrize("setting", SETTINGS)
def test_published_cells_are_empty_or_not_small(setting: tuple[int, int, int]) -> None:
    result, shared = pair(*setting)
    for c in shared.cohort.strata:
        if c.n is not None:
            assert not [v for v in cells(c) if 0 < v < MIN], c.stratum
        if c.rows is not None:
            assert c.n is not None
            assert c.rows - c.n not in range(1, MIN)
    small = {c.stratum for c in result.cohort.strata if any(0 < v < MIN for v in cells(c))}
    assert small <= hidden(shared)
    assert bool(small) == bool(hidden(shared))
    assert shared.disclosure is not None
    assert shared.disclosure.strata_suppressed == len(hidden(shared))


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_withheld_count_can_be_solved(setting: tuple[int, int, int]) -> None:
    _, shared = pair(*setting)
    atoms = atoms_of(shared)
    known = knowledge(shared, atoms)
    for stratum in sorted(hidden(shared)):
        want = levels_of(stratum).items()
        inside = [float(want <= atom.items()) for atom in atoms]
        kinds = [k for size in (1, 2, 4) for k in combinations(CELLS, size)]
        vectors = [np.outer(inside, [float(c in k) for c in CELLS]).ravel() for k in kinds]
        assert not in_span(known, np.array(vectors)).any(), stratum


@pytest.mark.parametrize("setting", SETTINGS)
def test_what_withheld_strata_add_up_to_is_not_small(setting: tuple[int, int, int]) -> None:
    _, shared = pair(*setting)
    shown = [c for c in shared.cohort.strata if c.n is not None]
    for parent in shown:
        mine = levels_of(parent.stratum).items()
        for attributes in {c.attributes for c in shared.cohort.strata}:
            if set(parent.attributes) < set(attributes):
                parts = [c for c in shown if c.attributes == attributes
                         and mine <= levels_of(c.stratum).items()]  # fmt: skip
                rest = np.array(cells(parent)) - sum(np.array(cells(c)) for c in parts)
                assert not ((rest > 0) & (rest < MIN)).any(), (parent.stratum, attributes)


@pytest.mark.parametrize("setting", SETTINGS)
def test_risk_bins_and_threshold_reveal_no_small_cell(setting: tuple[int, int, int]) -> None:
    result, shared = pair(*setting)
    truth = {r.stratum: r for r in result.curves.risk}
    edges = list(truth["overall"].edges)
    cut = min(range(len(edges)), key=lambda j: abs(edges[j] - 0.4))
    assert edges[cut] == 0.4
    for attribute in shared.cohort.attributes:
        parts = [s for s in truth if s.startswith(f"{attribute.name}=")]
        rest = [p for p in parts if p in hidden(shared)]  # what is withheld, taken together
        equations: list[NDArray[np.float64]] = []

        def span(
            stratum: str, low: int, high: int, parts: list[str] = parts, rest: list[str] = rest
        ) -> NDArray[Any]:
            out = np.zeros((len(parts), len(edges) - 1))
            of = {"overall": parts, "rest": rest}.get(stratum, [stratum])
            out[[p in of for p in parts], low:high] = 1
            return out.ravel()

        published = [s for s in ("overall", *parts) if s not in hidden(shared)]
        equations += [span(s, 0, len(edges) - 1) for s in published]
        equations += [span(s, cut, len(edges) - 1) for s in published]
        for r in shared.curves.risk:
            if r.stratum in published:
                places = [edges.index(e) for e in r.edges]
                equations += [span(r.stratum, a, b) for a, b in pairwise(places)]
        thresholds = [(d.stratum, d.thresholds) for d in shared.curves.decision]
        thresholds += [(w.stratum, w.thresholds) for w in shared.curves.sweep]
        for stratum, cuts in thresholds:
            if stratum in published:
                near = [min(range(21), key=lambda j: abs(edges[j] - t)) for t in cuts]
                equations += [span(stratum, j, len(edges) - 1) for j in near]
        named = [*parts, "rest"] if rest else parts
        wanted = [(s, a, b) for s in named for a in range(20) for b in range(a + 1, 21)]
        solved = in_span(np.array(equations), np.array([span(*w) for w in wanted]))
        for (s, a, b), known in zip(wanted, solved, strict=True):
            if known:
                of = [truth[p] for p in (rest if s == "rest" else [s])]
                for counts in ([r.positives for r in of], [r.negatives for r in of]):
                    assert sum(sum(c[a:b]) for c in counts) not in range(1, MIN), (s, a, b)


def test_calibration_bins_are_not_small_and_only_of_the_whole_cohort() -> None:
    shared = shareable(audited(plan(1), random_columns(2, 3000)))
    (curve,) = shared.curves.calibration
    assert curve.stratum == "overall"
    assert len(curve.bins) > 2
    for b in curve.bins:
        events = round(b.n * b.observed)
        assert min(events, b.n - events) >= MIN or 0 in (events, b.n - events)
        assert b.lower < b.observed < b.upper
    assert sum(b.n for b in curve.bins) == shared.cohort.analysed


@pytest.mark.parametrize("setting", SETTINGS)
def test_what_is_read_off_a_cut_of_its_own_counts_no_few(setting: tuple[int, int, int]) -> None:
    """Positives above the cut less those above a published cut are nobody or enough."""
    _, shared = pair(*setting)
    counts = {c.stratum: c for c in shared.cohort.strata}
    risk = {r.stratum: r for r in shared.curves.risk}
    for e in shared.estimates:
        if e.measure not in AT_OWN_CUT or e.value is None:
            continue
        c, own = counts[e.stratum], risk.get(e.stratum)
        ill = e.measure == "sensitivity_at_specificity"
        size, flagged = (c.n_positive, c.tp) if ill else (c.n_negative, c.fp)
        assert size is not None
        above = round(size * (e.value if ill else 1 - e.value))
        bins = [] if own is None else list(own.positives if ill else own.negatives)
        cuts = [0, size, flagged, *(sum(bins[k:]) for k in range(len(bins)))]
        assert not [cut for cut in cuts if 0 < abs(above - (cut or 0)) < MIN], (e.id, above, cuts)


@pytest.mark.parametrize("setting", SETTINGS)
def test_everything_of_a_withheld_stratum_is_gone(setting: tuple[int, int, int]) -> None:
    _, shared = pair(*setting)
    gone = hidden(shared)
    for e in shared.estimates:
        if e.stratum in gone:
            assert e.status == "suppressed"
            numbers = e.model_dump(exclude={"level"}).values()
            assert not [v for v in numbers if isinstance(v, int | float)]
    for d in shared.disparities:
        if {d.stratum, d.reference} & gone and d.contrast != "gap":
            assert d.status == "suppressed"
        if d.status == "suppressed":
            numbers = d.model_dump(exclude={"level"}).values()
            assert not [v for v in numbers if isinstance(v, int | float)]
    curves = shared.curves
    assert not gone & {c.stratum for c in curves.risk}
    assert not gone & {c.stratum for c in curves.decision}
    assert not gone & {c.stratum for c in curves.sweep}
    assert curves.operating_points == ()
    assert not [c for c in curves.calibration if c.smooth is not None]
    touched = {" & ".join(c.attributes) for c in shared.cohort.strata if c.stratum in gone}
    assert not [d for d in shared.disparities if d.null is not None and d.attribute in touched]
    for criterion in shared.criteria:
        if criterion.attribute in touched:
            told = (criterion.value, criterion.lower, criterion.upper, criterion.stratum)
            assert (criterion.status, *told) == ("suppressed", None, None, None, None)
    assert shared.sites is not None
    for h in shared.sites.heterogeneity:
        assert not gone & {*h.sites, *(x.site for x in h.leave_one_out)}
        assert h.k == len(h.sites)
        if h.status == "suppressed":
            assert (h.pooled, h.tau2, h.q, h.leave_one_out) == (None, None, None, ())


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_text_tells_a_withheld_number(setting: tuple[int, int, int]) -> None:
    result, shared = pair(*setting)
    gone = hidden(shared)
    texts = [(w.stratum or "", w.message) for w in shared.warnings]
    texts += [(e.stratum, e.reason or "") for e in shared.estimates]
    texts += [(d.stratum, d.reason or "") for d in shared.disparities]
    texts += [(p.id.partition("/")[2], p.reason) for v in shared.verdicts for p in v.parts]
    for stratum, text in texts:
        if stratum in gone:
            bare = text.replace(stratum, "")
            assert not re.search(r"\d", bare), text
    by = {p.id: p for v in result.verdicts for p in v.parts}
    for v in shared.verdicts:
        for p in v.parts:
            if p.status == "not_estimable" and by[p.id].value is not None:
                assert (p.value, p.lower, p.upper) == (None, None, None)


def test_requirements_on_withheld_strata_are_not_met() -> None:
    _, shared = pair(0, 260, 1)
    floor = next(v for v in shared.verdicts if v.requirement == "floor")
    assert any(p.status == "not_estimable" for p in floor.parts)
    assert floor.status != "met"


def big(zero: int) -> dict[str, Any]:
    return counted(F=(40, 20, 30, 200), M=(50, 30, 40, 150), X=(20, zero, 30, 40))


SIMPLE = """
columns: {label: y, score: p}
score_kind: rank
threshold: {value: 0.4}
resamples: 100
attributes: {sex: }
"""


def test_nothing_changes_when_nothing_is_small() -> None:
    """But for curves that are cut at single scores, and what was read off them."""
    result = audited(SIMPLE, big(15))
    shared = shareable(result)
    assert shared.disclosure is not None
    assert shared.disclosure.strata_suppressed == 0
    assert result.disclosure is None
    assert result.curves.sweep

    def rest(one: AuditResult) -> dict[str, Any]:
        of = one.model_dump(exclude={"disclosure", "curves"})
        for part in ("estimates", "disparities"):
            of[part] = [r for r in of[part] if r["measure"] not in AT_OWN_CUT]
        return of

    before, after = rest(result), rest(shared)
    for d in (*before["disparities"], *after["disparities"]):
        d["p_adjusted"] = None  # over fewer contrasts
    assert after == before


def test_a_complement_is_withheld_with_the_whole() -> None:
    """Few false alarms in all, and all of them in F: M and X are shown, what is not M is not."""
    columns = counted(F=(50, 30, 5, 100), M=(60, 40, 0, 120), X=(40, 20, 0, 90))
    shared = shareable(audited(SIMPLE, columns))
    assert "overall" in hidden(shared)
    assert "sex=M" not in hidden(shared)
    found = [d for d in shared.disparities if d.reference.startswith("not ")]
    assert found
    assert {d.status for d in found} == {"suppressed"}
    assert {d.value for d in found} == {None}


def test_other_tasks_are_not_shared() -> None:
    result = audited(SIMPLE, big(15))
    other = result.cohort.model_copy(update={"task": "multiclass"})
    with pytest.raises(ValueError, match="task binary"):
        shareable(result.model_copy(update={"cohort": other}))


def test_cells_of_nobody_stay() -> None:
    shared = shareable(audited(SIMPLE, big(0)))
    assert not hidden(shared)
    assert estimate(shared, "sensitivity", "sex=X").value == 1.0


def test_one_small_cell_hides_the_stratum_and_one_more() -> None:
    shared = shareable(audited(SIMPLE, big(3)))
    assert hidden(shared) == {"sex=X", "sex=M"}  # F is larger than M: the smaller one goes too
    assert hidden(shareable(audited(SIMPLE, big(3)), 3)) == set()


def test_a_small_whole_hides_everything() -> None:
    shared = shareable(audited(SIMPLE, counted(F=(2, 1, 3, 40), M=(3, 1, 2, 30))))
    assert hidden(shared) == {"overall", "sex=F", "sex=M"}
    assert shared.cohort.n_positive is None
    assert AuditResult.from_json(shared.to_json()) == shared


def test_sharing_twice_is_sharing_once() -> None:
    _, shared = pair(1, 700, 2)
    assert shareable(shared) == shared
    with pytest.raises(ValueError, match="already shared"):
        shareable(shared, 20)
    with pytest.raises(ValueError, match="at least 2"):
        shareable(shared, 1)


def test_order_of_rows_and_strata_does_not_matter() -> None:
    result, shared = pair(1, 700, 2)
    turned = result.cohort.model_copy(update={"strata": result.cohort.strata[::-1]})
    other = shareable(result.model_copy(update={"cohort": turned}))
    assert hidden(other) == hidden(shared)
    _, one = pair(2, 700, 2)
    mixed = take(random_columns(2, 700), np.random.default_rng(5).permutation(700))
    two = shareable(audited(plan(2), mixed))
    parts = {"cohort", "estimates", "curves", "warnings"}
    assert one.model_dump(include=parts) == two.model_dump(include=parts)


def test_rows_of_one_patient_do_not_make_a_cell_large() -> None:
    columns = counted(F=(40, 40, 60, 200), M=(50, 60, 70, 150))
    names = np.arange(columns["y"].size).astype(str)
    flagged_ill = np.flatnonzero((columns["sex"] == "F") & (columns["y"] == 1))[:40]
    names[flagged_ill] = names[flagged_ill[np.arange(40) // 8]]  # five people, eight rows each
    columns["pid"] = names
    text = SIMPLE.replace("score: p}", "score: p, patient: pid}")
    shared = shareable(audited(text, columns))
    assert "sex=F" in hidden(shared)
    assert all(c.patients is None for c in shared.cohort.strata)
    assert all(e.clusters is None for e in shared.estimates)
    assert shared.cohort.largest_patient is None


def test_few_patients_at_several_sites_are_not_counted() -> None:
    columns = random_columns(7, 3000)
    names = np.arange(3000).astype(str)
    names[1::2] = names[::2]
    columns["site"][1::2] = columns["site"][::2]
    columns["site"][1:8:2] = np.where(columns["site"][:7:2] == "n1", "n2", "n1")
    columns["pid"] = names
    result = audited(plan(1, ", patient: pid"), columns)
    assert result.cohort.patients_at_several_sites == 4
    shared = shareable(result)
    assert shared.cohort.patients_at_several_sites is None
    assert shared.cohort.patients == 1500
    (told,) = [w for w in shared.warnings if w.code == "patient_at_several_sites"]
    assert not re.search(r"\d", told.message)


def test_flags_share_what_is_written_and_printed(tmp_path: Path) -> None:
    plan_file, data = tmp_path / "plan.yaml", write(big(3), tmp_path / "p.parquet")
    plan_file.write_text(SIMPLE, encoding="utf-8")
    settings: dict[str, Any] = {"model": None, "out": tmp_path / "out", "quiet": True}
    told = run_audit([data], plan_file, Flags(), **settings, share=True)
    shared = AuditResult.from_json((tmp_path / "out" / "audit.json").read_bytes())
    assert hidden(shared) == {"sex=X", "sex=M"}
    assert shared.provenance.command.endswith("--share")
    assert "suppressed" in told
    wrongs: list[dict[str, Any]] = [{"min_cell": 5}, {"share": True, "min_cell": 1}]
    for wrong in wrongs:
        with pytest.raises(InputError):
            run_audit([data], plan_file, Flags(), **settings, **wrong)


def test_few_unlabelled_rows_are_not_counted() -> None:
    columns = joined(big(15), big(15))
    columns["y"] = columns["y"].astype(object)
    columns["y"][:4] = None
    shared = shareable(audited(SIMPLE, columns))
    assert shared.cohort.missing_label is None
    assert shared.cohort.rows is None
    assert shared.cohort.analysed == columns["y"].size - 4
    assert all(c.rows is None for c in shared.cohort.strata)
    assert not [w for w in shared.warnings if re.search(r"\b4\b", w.message)]


def test_covariates_are_shown_at_all_sites_or_none() -> None:
    columns = random_columns(4, 3000)
    rng = np.random.default_rng(1)
    for name, missing in (("few", 20), ("many", 900)):
        values = rng.normal(5, 1, 3000)
        values[rng.choice(3000, missing, replace=False)] = np.nan
        columns[name] = values
    text = plan(1, ", covariates: [few, many]")
    shared = shareable(audited(text, columns))
    by = {(c.column, c.site): c for c in shared.cohort.covariates}
    assert by["few", "overall"].missing == 20
    assert {by["few", s].missing for s in ("n1", "n2", "n3")} == {None}
    assert None not in {by["many", s].missing for s in ("n1", "n2", "n3")}


def test_shared_json_holds_no_small_missing_counts() -> None:
    columns = random_columns(6, 3000)
    columns["sex"] = np.where(np.arange(3000) < 5, None, columns["sex"])
    shared = shareable(audited(plan(1), columns))
    assert "sex=(missing)" in hidden(shared)
    sex = next(a for a in shared.cohort.attributes if a.name == "sex")
    assert sex.missing is None
    told = [w["message"] for w in json.loads(shared.to_json())["warnings"]]
    assert not [t for t in told if re.search(r"\b5 of\b", t)]
