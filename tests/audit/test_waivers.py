"""Waivers: the file with all its problems, and what each of them does to a verdict on a date."""

from datetime import date
from pathlib import Path

import pytest

from audit.problems import InputError
from audit.result import AuditResult, Verdict, Waiver
from audit.waivers import (
    apply_waivers,
    carried_over,
    parse_waivers,
    read_waivers,
    reapplied,
    without_waivers,
)
from tests.reports.sample import sample

TEXT = """\
version: 1
waivers:
  - requirement: floor
    justification: Recalibration is under way.
    owner: Ann Owner
    approver: Bo Approver
    created: 2026-01-01
    expires: 2026-06-30
"""
ON = date(2026, 3, 1)


def problems(text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse_waivers(text, "waivers.yaml")
    return [str(p) for p in caught.value.problems]


def waiver(requirement: str = "floor", **other: str) -> Waiver:
    (made,) = parse_waivers(TEXT, "w")
    return made.model_copy(update={"requirement": requirement, **other})


def result(**statuses: str) -> AuditResult:
    """A result with one verdict for each name, of that status, at the sample's numbers."""
    model = sample().verdicts[0]
    verdicts = tuple(
        model.model_copy(update={"requirement": id, "status": status, "reason": f"why {id}"})
        for id, status in statuses.items()
    )
    return sample().model_copy(update={"verdicts": verdicts})


def only(made: AuditResult) -> Verdict:
    (verdict,) = made.verdicts
    return verdict


def codes(made: AuditResult) -> list[str]:
    return [f.code for f in made.findings]


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "waivers.yaml"
    path.write_text(TEXT, encoding="utf-8")
    assert read_waivers(path) == (
        Waiver(requirement="floor", justification="Recalibration is under way.",
               owner="Ann Owner", approver="Bo Approver", created="2026-01-01",
               expires="2026-06-30"),
    )  # fmt: skip


def test_every_problem_is_told_at_once_with_its_line() -> None:
    text = TEXT.replace("Recalibration is under way.", '"  "').replace(
        "Bo Approver", "ann  owner"
    ).replace("2026-06-30", "2026-01-01").replace("version: 1", "version: 2")  # fmt: skip
    told = problems(text + "    extra: 1\n")
    for line, words in ((1, "version"), (4, "at least 1 character"),
                        (6, "cannot approve their own waiver"), (8, "not later than created"),
                        (9, "unknown key")):  # fmt: skip
        assert any(f"line {line}:" in p and words in p for p in told), (line, words, told)
    assert len(told) == 5


@pytest.mark.parametrize(
    "key", ["requirement", "justification", "owner", "approver", "created", "expires"]
)
def test_every_key_is_required(key: str) -> None:
    lines = [line for line in TEXT.splitlines() if f" {key}:" not in line]
    if key == "requirement":
        lines[2] = "  -" + lines[2][3:]
    (told,) = problems("\n".join(lines) + "\n")
    assert f"'waivers.0.{key}' is missing" in told


@pytest.mark.parametrize("value", ["20260101", "soon", "true", "2026-02-30"])
def test_a_date_is_a_date(value: str) -> None:
    assert problems(TEXT.replace("2026-01-01", value))


def test_two_waivers_of_one_requirement_may_follow_each_other_and_not_overlap() -> None:
    entry = "".join(TEXT.splitlines(keepends=True)[2:])
    later = entry.replace("2026-06-30", "2026-12-31")
    (told,) = problems(TEXT + later.replace("2026-01-01", "2026-06-30"))
    assert "two waivers of 'floor' hold at once" in told
    assert len(parse_waivers(TEXT + later.replace("2026-01-01", "2026-07-01"), "w")) == 2


@pytest.mark.parametrize("status", ["violated", "inconclusive", "not_estimable"])
def test_a_waiver_sets_the_verdict_aside_and_keeps_what_the_figures_say(status: str) -> None:
    before = result(floor=status)
    made = apply_waivers(before, [waiver()], ON)
    verdict = only(made)
    assert (verdict.status, verdict.found, verdict.waiver) == ("waived", status, waiver())
    assert verdict.reason == (
        "waived until 2026-06-30 by Bo Approver: Recalibration is under way.; the figures say: "
        f"{status}: why floor"
    )
    kept = set(Verdict.model_fields) - {"status", "found", "waiver", "reason"}
    assert verdict.model_dump(include=kept) == only(before).model_dump(include=kept)
    assert codes(made) == []
    assert without_waivers(made) == before


@pytest.mark.parametrize(
    ("on", "status"),
    [("2025-12-31", "violated"), ("2026-01-01", "waived"), ("2026-06-30", "waived"),
     ("2026-07-01", "violated")],
)  # fmt: skip
def test_it_holds_on_its_first_and_last_day_and_not_outside(on: str, status: str) -> None:
    made = apply_waivers(result(floor="violated"), [waiver()], date.fromisoformat(on))
    assert only(made).status == status
    told = {"2025-12-31": ["waiver_not_yet"], "2026-07-01": ["waiver_expired"]}
    assert codes(made) == told.get(on, [])
    if on in told:
        assert only(made) == only(result(floor="violated"))
        assert made.findings[0].requirement == "floor"


@pytest.mark.parametrize(
    ("status", "code"),
    [("met", "waiver_not_needed"), ("not_applicable", "waiver_not_needed"),
     ("error", "waiver_refused")],
)  # fmt: skip
def test_what_needs_no_waiver_and_what_can_have_none_keep_their_status(
    status: str, code: str
) -> None:
    made = apply_waivers(result(floor=status), [waiver()], ON)
    assert (only(made).status, only(made).found) == (status, None)
    assert only(made).reason == "why floor"
    assert codes(made) == [code]


def test_an_unknown_requirement_is_told_with_the_nearest_name() -> None:
    made = apply_waivers(result(floor="violated"), [waiver("flor")], ON)
    assert only(made).status == "violated"
    assert codes(made) == ["waiver_unmatched"]
    assert "did you mean 'floor'?" in made.findings[0].message


def test_one_waiver_touches_its_own_requirement_alone() -> None:
    made = apply_waivers(result(floor="violated", gap="violated"), [waiver("gap")], ON)
    assert [v.status for v in made.verdicts] == ["violated", "waived"]


def test_of_waivers_that_follow_each_other_the_one_that_holds_is_told() -> None:
    earlier = waiver(created="2025-01-01", expires="2025-12-31")
    made = apply_waivers(result(floor="violated"), [earlier, waiver()], ON)
    assert only(made).waiver == waiver()
    assert codes(made) == []


def test_applying_again_replaces_and_never_piles_up() -> None:
    before = result(floor="violated", gap="met")
    once = apply_waivers(before, [waiver(), waiver("gap")], ON)
    assert apply_waivers(once, [waiver(), waiver("gap")], ON) == once
    assert apply_waivers(once, [], ON) == before


def test_waivers_on_record_lapse_when_the_audit_is_judged_later() -> None:
    stored = apply_waivers(result(floor="violated", gap="met"), [waiver(), waiver("gone")], ON)
    later = reapplied(stored, date(2027, 1, 1))
    assert [v.status for v in later.verdicts] == ["violated", "met"]
    assert codes(later) == ["waiver_expired", "waiver_unmatched"]
    assert reapplied(stored, ON) == stored
    assert reapplied(before := result(floor="violated"), ON) == before


def test_a_waiver_does_not_tell_the_status_of_a_figure_that_is_withheld() -> None:
    # Withheld afterwards, a requirement that was met and one that was violated look alike.
    shown = []
    for status in ("met", "violated"):
        stored = apply_waivers(result(floor=status), [waiver()], ON)
        withheld = only(result(floor="not_estimable")).model_copy(
            update={"value": None, "lower": None, "upper": None}
        )
        shown.append(carried_over(stored.verdicts, (withheld,), stored.findings))
    assert shown[0] == shown[1]
    verdicts, findings = shown[0]
    assert (verdicts[0].status, verdicts[0].found) == ("waived", "not_estimable")
    assert findings == ()
