"""What a status, a neighbour or the version before would tell of withheld strata."""

import numpy as np
import pytest

from audit.dimensions import Dimension
from audit.disclosure import shareable, shareable_together, withheld_from
from audit.result import AuditResult
from audit.strata import linked
from tests.audit.builders import Columns, audited, random_columns
from tests.reports.nasty import CASES, SIX, Cells, full, people, shared

SIMPLE = """
columns: {label: y, score: p, unit: uid}
threshold: {value: 0.4}
resamples: 100
attributes: {race: }
"""


def test_a_gap_is_withheld_with_any_level_even_one_that_it_left_out() -> None:
    name = "both-left-out"
    before = {d.id: d for d in full(name).disparities if d.contrast == "gap"}
    after = {d.id: d for d in shared(name).disparities if d.contrast == "gap"}
    assert before["sensitivity/gap/race"].status == "ok"
    assert {d.status for d in after.values()} == {"suppressed"}
    gap = next(v for v in shared(name).verdicts if v.requirement == "gap")
    assert (gap.status, gap.value) == ("not_estimable", None)
    assert gap.reason.startswith("race: suppressed")


def test_a_pool_is_withheld_with_any_site_even_one_that_it_left_out() -> None:
    name = "both-left-out-sites"
    assert full(name).sites is not None
    assert shared(name).sites is not None
    (before,) = [h for h in full(name).sites.heterogeneity if h.measure == "sensitivity"]  # type: ignore[union-attr]
    (after,) = [h for h in shared(name).sites.heterogeneity if h.measure == "sensitivity"]  # type: ignore[union-attr]
    assert (before.status, before.excluded) == ("ok", ("site=s3", "site=s4"))
    assert (after.status, after.pooled, after.leave_one_out) == ("suppressed", None, ())
    assert (after.sites, after.excluded) == (("site=s1", "site=s2"), ("site=s3", "site=s4"))


def test_rows_without_a_site_are_never_pooled_and_withhold_no_pool() -> None:
    sites: dict[tuple[str | None, ...], Cells] = {
        (f"s{i}",): (50 + i, 20 + i, 40 + i, 140 + i) for i in range(3)
    }
    sites[(None,)] = (13, 12, 3, 40)
    plan = SIMPLE.replace("unit: uid", "unit: uid, site: site").replace("{race: }", "{}")
    made = shareable(audited(plan, people(("site",), sites)))
    assert "site=(missing)" in withheld_from(made)
    assert made.sites is not None
    gone = withheld_from(made)
    pooled = [h for h in made.sites.heterogeneity if h.measure == "sensitivity"]
    assert pooled[0].status == ("suppressed" if len(gone - {"site=(missing)"}) else "ok")


def test_a_gap_inside_sites_needs_their_cells() -> None:
    """Where the plan does not cross them, not even that there is too little data is told."""
    columns = random_columns(3, 900)
    plan = """
        columns: {label: y, score: p, unit: uid, site: site}
        threshold: {value: 0.4}
        resamples: 100
        attributes: {race: }
    """
    made = shareable(audited(plan, columns))
    assert made.sites is not None
    gaps = [h for h in made.sites.heterogeneity if h.contrast is not None]
    assert gaps
    assert {h.status for h in gaps} == {"suppressed"}


def test_a_covariate_that_is_an_attribute_is_withheld_at_the_sites_too() -> None:
    before = {(c.column, c.site): c.missing for c in full("covariate").cohort.covariates}
    after = {(c.column, c.site): c.missing for c in shared("covariate").cohort.covariates}
    assert before["race", "s1"] == 74
    assert set(after.values()) == {None}


def test_how_many_strata_are_small_is_not_told_beside_withheld_ones() -> None:
    columns = random_columns(1, 700)
    columns["ward"] = np.array([f"w{i % 60:02d}" for i in range(700)])
    plan = SIMPLE.replace("{race: }", "{ward: }")
    result = audited(plan, columns)
    (more,) = [w for w in result.warnings if w.code == "small_stratum" and w.stratum is None]
    assert "more strata are too small" in more.message
    assert not [w for w in shareable(result).warnings if w.code == "small_stratum"]


def test_links_are_groups_of_levels_that_occur_together() -> None:
    def dimension(name: str, levels: str, codes: list[int]) -> Dimension:
        return Dimension(name, name, "attribute", None, tuple(levels),
                         np.array(codes, dtype=np.int32), None, "none", 0)  # fmt: skip

    hospital = dimension("h", "abcde", [0, 0, 1, 2, 3, 3])  # nobody is in e
    region = dimension("r", "ns", [0, 0, 0, 1, 1, 1])
    sex = dimension("x", "fm", [0, 1, 0, 1, 0, 1])
    assert linked([region, hospital, sex]) == (
        ("h=a", "h=b", "r=n"), ("h=c", "h=d", "r=s"),
    )  # fmt: skip
    assert linked([hospital, sex])[:1] == ()
    assert linked([hospital]) == ()
    none = dimension("z", "", [])
    assert linked([none, dimension("y", "", [])]) == ()


def test_what_is_linked_is_not_told() -> None:
    assert full("nested").cohort.linked
    assert shared("nested").cohort.linked == ()
    assert full("one-small-level").cohort.linked == ()


def test_curves_of_a_region_are_not_subtracted_from_its_hospitals() -> None:
    """Three of the withheld of the south have a high score; in the north many have."""
    large = {h: (400, 300, 300, 900) for h in SIX if h[0] in ("h3", "h6")}
    columns = people(("hospital", "region"), SIX | large)
    south = np.isin(columns["hospital"], ["h4", "h5"]) & (columns["y"] == 1)
    flagged = np.flatnonzero(south & (columns["p"] >= 0.4))
    columns["p"][flagged] = np.linspace(0.41, 0.44, flagged.size)
    columns["p"][flagged[:3]] = 0.97
    made = shareable(audited(CASES["nested-twice"].plan, columns))
    assert withheld_from(made) == {"hospital=h1", "hospital=h2", "hospital=h4", "hospital=h5"}
    risk = {r.stratum: r for r in made.curves.risk}
    one, other = risk["region=south"], risk["hospital=h6"]
    for edge in set(one.edges) & set(other.edges):
        above = [sum(r.positives[r.edges.index(edge) :]) for r in (one, other)]
        assert above[0] - above[1] not in range(1, 11), edge
    assert len(other.edges) > 2


def versions() -> tuple[AuditResult, AuditResult]:
    """Two models on the same people: B is too small under the first, D under the second."""
    cells: dict[tuple[str | None, ...], Cells] = {
        ("A",): (60, 30, 50, 150), ("B",): (90, 4, 60, 170),
        ("C",): (30, 20, 25, 80), ("D",): (35, 15, 25, 130),
    }  # fmt: skip
    columns = people(("race",), cells)
    again: Columns = dict(columns)
    p = columns["p"].copy()
    ill = columns["y"] == 1
    p[np.flatnonzero(ill & (columns["race"] == "B"))[:14]] = 0.3  # B has now enough
    p[np.flatnonzero(ill & (columns["race"] == "D") & (p < 0.4))[:8]] = 0.7  # D has seven left
    again["p"] = p
    return audited(SIMPLE, columns), audited(SIMPLE, again)


def test_two_versions_withhold_the_same_strata() -> None:
    """Each alone withholds two; the third stratum of both would be all less what they show."""
    one, two = versions()
    alone = [withheld_from(shareable(r)) for r in (one, two)]
    assert alone == [{"race=B", "race=C"}, {"race=C", "race=D"}]
    both = shareable_together([one, two])
    assert withheld_from(both[0]) == withheld_from(both[1]) == alone[0] | alone[1]
    assert shareable_together([one]) == (shareable(one),)
    with pytest.raises(ValueError, match="strata that have to be withheld"):
        shareable_together([one, shareable(two)])
    assert shareable_together([*both]) == both


def test_versions_by_other_groups_are_refused_on_the_same_data() -> None:
    one, two = versions()
    file = one.provenance.data
    levels = tuple(a.model_copy(update={"levels": (*a.levels, "E")}) for a in two.cohort.attributes)
    changed = two.cohort.model_copy(update={"attributes": levels})
    origin = two.provenance.model_copy(update={"data": file})
    other = two.model_copy(update={"cohort": changed, "provenance": origin})
    with pytest.raises(ValueError, match="by other groups"):
        shareable_together([one, other])
    assert len(shareable_together([one, two.model_copy(update={"provenance": origin})])) == 2
