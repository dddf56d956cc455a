"""Texts that people wrote leave with a shared audit only where they tell none of the withheld."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from audit.plan import Plan
from audit.plan_file import parse_plan
from audit.problems import InputError
from audit.result import AuditResult, Waiver
from audit.waivers import apply_waivers
from checklists.shared_texts import TOLD, record_without_told, without_told
from checklists.withheld import Withheld
from commands.audit import shared_result
from commands.export import run_export
from commands.papers import Named, gather
from reports.attachments import attachments
from reports.outline import outline
from reports.papers import Papers
from reports.verification import papers_of
from tests.checklists.builders import instrument_data
from tests.end_to_end.command import run
from tests.reports.channels import AS_OF, lay_out
from tests.reports.nasty import CASES, PROFILE, full, shared
from tests.reports.quoting import claimed, relocked

NAME, STRATUM = "few-positives", "race=C"
TOLD_HERE = "Race C had 4 positives."
HARMLESS = "Race C was seen from 2026-04-03 on, in 2 hospitals; race A had 51 positives."
OTHER_PROFILE = yaml.safe_load(PROFILE)
WAIVER = {"requirement": "floor", "owner": "Ann", "approver": "Ben", "justification": "Soon.",
          "created": "2027-01-01", "expires": "2028-01-01"}  # fmt: skip


@cache
def withheld() -> Withheld:
    return Withheld(((full(NAME), shared(NAME)),))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A product with plan, profile, audit and answers."""
    lay_out(tmp_path / "product", CASES[NAME].plan, full(NAME), [f"sensitivity/{STRATUM}"])
    return tmp_path / "product"


def named(folder: Path, share: bool = True, **more: Any) -> Named:
    beside = {name: folder / f"{name}.yaml" for name in ("profile", "waivers")}
    rest = {name: path for name, path in beside.items() if path.exists()}
    fixed: dict[str, Any] = {"answers": folder / "answers.yaml", "as_of": AS_OF}
    plan = folder / "equipoise.yaml"
    return Named(folder / "out" / "audit.json", plan, share=share, **{**fixed, **rest, **more})


def made(folder: Path, share: bool = True, **more: Any) -> Papers:
    return gather(named(folder, share, **more), outline("full"))


def write_plan(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Another plan, and the audit as if it had followed it."""
    content = yaml.safe_load(CASES[NAME].plan)
    change(content)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    (folder / "equipoise.yaml").write_text(text, "utf-8")
    write_audit(folder, followed(full(NAME), parse_plan(text, "plan")))


def followed(result: AuditResult, plan: Plan) -> AuditResult:
    origin = result.provenance.model_copy(update={"plan_sha256": plan.sha256()})
    dumped = plan.model_dump(mode="json")
    return result.model_copy(update={"plan": dumped, "provenance": origin})


def write_audit(folder: Path, result: AuditResult) -> None:
    (folder / "out" / "audit.json").write_text(result.to_json(), "utf-8")


def title(folder: Path, text: str) -> str:
    write_plan(folder, lambda p: p.update(title=text))
    return "audit.json: the plan in it"


def intended_use(folder: Path, text: str) -> str:
    write_plan(folder, lambda p: p["product"].update(intended_use=text))
    return "audit.json: the plan in it"


def rationale(folder: Path, text: str) -> str:
    write_plan(folder, lambda p: p["requirements"][0].update(rationale=text))
    return "audit.json: the plan in it"


def profile(folder: Path, text: str) -> str:
    other = OTHER_PROFILE | {"product": {"name": "Example", "description": text}}
    (folder / "profile.yaml").write_text(yaml.safe_dump(other), "utf-8")
    return "profile.yaml"


def key_of_profile(folder: Path, text: str) -> str:
    other = OTHER_PROFILE | {"notes": [{text: "yes"}]}
    (folder / "profile.yaml").write_text(yaml.safe_dump(other), "utf-8")
    return "profile.yaml"


def own_instrument(folder: Path, text: str) -> str:
    own = instrument_data() | {"purpose": text}
    (folder / "own.yaml").write_text(yaml.safe_dump(own) + "# Race C: 4\n", "utf-8")
    facts = OTHER_PROFILE["profile"] | {"instruments": ["gmlp", "own.yaml"]}
    other = OTHER_PROFILE | {"profile": facts}
    (folder / "profile.yaml").write_text(yaml.safe_dump(other), "utf-8")
    return "own.yaml"


def waiver(folder: Path, text: str) -> str:
    content = {"version": 1, "waivers": [WAIVER | {"justification": text}]}
    (folder / "waivers.yaml").write_text(yaml.safe_dump(content), "utf-8")
    return "waivers.yaml: waiver of 'floor'"


def owner_of_waiver(folder: Path, text: str) -> str:
    content = {"version": 1, "waivers": [WAIVER | {"owner": text}]}
    (folder / "waivers.yaml").write_text(yaml.safe_dump(content), "utf-8")
    return "waivers.yaml: waiver of 'floor'"


def waiver_on_record(folder: Path, text: str) -> str:
    told = Waiver.model_validate(WAIVER | {"justification": text})
    write_audit(folder, apply_waivers(full(NAME), [told], date(2027, 12, 2)))
    return "audit.json: waiver of 'floor'"


def description_of_model(folder: Path, text: str) -> str:
    origin = full(NAME).provenance.model_copy(update={"predicted_by": {"note": text}})
    write_audit(folder, full(NAME).model_copy(update={"provenance": origin}))
    return "audit.json: the description of the model in it"


PLACES = (title, intended_use, rationale, profile, key_of_profile, own_instrument, waiver,
          owner_of_waiver, waiver_on_record, description_of_model)  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_words_that_tell_a_withheld_number_do_not_leave(
    place: Callable[[Path, str], str], folder: Path
) -> None:
    where = place(folder, TOLD_HERE)
    assert made(folder, share=False)  # inside the house it may be said
    with pytest.raises(InputError) as raised:
        made(folder)
    for problem in raised.value.problems:
        assert problem.code == "withheld_figure"
        assert problem.where.endswith(where)
        assert "tells a number of race=C, which is withheld" in problem.reason
    place(folder, HARMLESS)
    files = {f.name: f.content for f in attachments(made(folder), "full")}
    assert [name for name, content in files.items() if b"Race C: 4" in content] == []
    assert any(b"Race C was seen" in " ".join(c.decode().split()).encode() for c in files.values())


def test_every_file_is_told_at_once(folder: Path) -> None:
    for place in (profile, waiver):
        place(folder, TOLD_HERE)
    path = folder / "answers.yaml"
    path.write_text(path.read_text("utf-8").replace("See the figure.", TOLD_HERE, 1), "utf-8")
    with pytest.raises(InputError) as raised:
        made(folder)
    found = {p.where.removeprefix(f"{folder}/") for p in raised.value.problems}
    assert {"profile.yaml", "waivers.yaml: waiver of 'floor'"} < found
    assert len(found) == 3


@pytest.mark.parametrize("format", ["csv", "in-toto", "chai"])
def test_no_export_is_made_of_a_plan_that_tells(format: str, folder: Path) -> None:
    title(folder, TOLD_HERE)
    for name in ("equipoise.yaml", "answers.yaml"):
        shutil.copy(folder / name, folder / "out")
    on = AS_OF if format == "chai" else None
    with pytest.raises(InputError, match="which is withheld"):
        run_export(Named(folder / "out" / "audit.json", share=True, as_of=on), format,
                   folder / "made")  # fmt: skip
    assert not (folder / "made").exists()


def test_nor_an_export_of_checklists(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    profile(folder, TOLD_HERE)
    call = ("checklist", "export", "--profile", "profile.yaml", "--format", "json", "--as-of",
            AS_OF, "--out", "made.json")  # fmt: skip
    ended = run(capsys, monkeypatch, *call, "--share")
    assert ended.code == 2
    assert "profile.yaml: its product.description tells a number of race=C" in ended.err
    assert not Path("made.json").exists()
    profile(folder, HARMLESS)
    assert run(capsys, monkeypatch, *call, "--share").code == 0


def test_nor_an_audit_whose_plan_tells() -> None:
    with pytest.raises(InputError, match=r"plan\.yaml: its title tells a number of race=C"):
        shared_result(full(NAME), None, plan=(f"title: {TOLD_HERE}\n", "plan.yaml"))
    titled = full(NAME).model_copy(update={"plan": full(NAME).plan | {"title": TOLD_HERE}})
    with pytest.raises(InputError, match="the plan in it: its title tells"):
        shared_result(titled, None)
    told = shared_result(relocked(full(NAME), STRATUM), None).lock.deviations
    said = TOLD[0].lower() + TOLD[1:-1]
    assert told == (f"relocked on 2026-02-01 (first locked on 2026-01-02): {said}",)


def test_a_changed_text_of_the_plan_is_told_without_its_words() -> None:
    result = relocked(full(NAME), STRATUM)
    assert result.lock is not None
    deviations = (
        f"product.description {TOLD_HERE} when locked, empty now",
        f"coverage requirement many: rationale not set when locked, {TOLD_HERE} now",
        "resamples 100 when locked, 200 now",
    )
    lock = result.lock.model_copy(update={"deviations": deviations})
    made = without_told(result.model_copy(update={"lock": lock}), withheld()).lock
    assert made is not None
    assert [d.partition(": withheld")[0] for d in made.deviations] == [
        "product.description",
        "coverage requirement many: rationale",
        "resamples 100 when locked, 200 now",
    ]


def test_what_a_provider_claims_leaves_without_it(folder: Path, tmp_path: Path) -> None:
    path = folder / "croissant.json"
    path.write_text(claimed(full(NAME), STRATUM), "utf-8")
    whole, papers = made(folder, share=False, croissant=path), made(folder, croissant=path)
    assert whole.claims_json == path.read_bytes()
    assert papers.claims_json is not None
    kept = json.loads(papers.claims_json)
    assert kept["description"] == TOLD
    assert kept["recordSet"] == [{"data": [{"group": STRATUM, "n": TOLD}]}]
    assert (kept["name"], kept["@type"]) == ("People", "sc:Dataset")
    assert [c.texts for c in papers.claims.claims] == [(TOLD,)]  # type: ignore[union-attr]
    files = {f.name: f.content for f in attachments(papers, "full")}
    manifest = json.loads(files["manifest.json"])
    forms = {f["name"]: f["form"] for f in manifest["attachments"]}
    assert forms["croissant.json"] == "texts that tell what is withheld say so in their place"
    assert forms["equipoise.yaml"] == "as it was written, without comments"
    (tmp_path / "again").mkdir()
    again = papers_of(files, manifest, tmp_path / "again")
    assert attachments(again, "full") == attachments(papers, "full")


def test_a_record_that_tells_nothing_is_attached_as_it_is(folder: Path) -> None:
    path = folder / "croissant.json"
    text = claimed(full(NAME), STRATUM).replace("483", "17")
    path.write_text(text, "utf-8")
    papers = made(folder, croissant=path)
    assert papers.claims_json == text.encode()
    manifest = json.loads(attachments(papers, "full")[-1].content)
    forms = {f["name"]: f["form"] for f in manifest["attachments"]}
    assert forms["croissant.json"] == "as it was given"
    whole = json.loads(attachments(made(folder, share=False), "full")[-1].content)
    assert not [f for f in whole["attachments"] if "form" in f]


def test_a_field_that_is_written_twice_hides_nothing() -> None:
    text = f'{{"name": "{TOLD_HERE}", "name": "People"}}'
    assert json.loads(record_without_told(text, withheld())) == {"name": "People"}
    assert TOLD_HERE not in record_without_told(text, withheld())


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        (TOLD_HERE, True),
        (HARMLESS, False),
        ("There were 483 of race=C.", True),
        ("RACE=C: n = 483", True),
        ("Of race=C 75 % were found.", True),
        ("Of race=C 70 % were found.", False),
        ("There were 483 at hospital C.", False),  # no word of the attribute
        ("Race C, four of them.", False),  # in words: not known as a number
        ("From 2026-03-04 on in race C.", False),
        ("Race C, version 3.4b, 1.3.62.", False),
    ],
)
def test_which_texts_tell(text: str, tells: bool) -> None:
    assert withheld().tells(text) is tells


def test_a_number_in_the_name_of_a_stratum_is_no_count() -> None:
    count = full(NAME).cohort.strata[-1]
    before = full(NAME).model_copy(
        update={"cohort": full(NAME).cohort.model_copy(update={"strata": (
            count.model_copy(update={"stratum": "grade=4", "n_positive": 4}),
        )}), "estimates": ()}
    )  # fmt: skip
    gone = before.cohort.strata[0].model_copy(update={"n": None})
    after = before.model_copy(
        update={"cohort": before.cohort.model_copy(update={"strata": (gone,)})}
    )
    numbers = Withheld(((before, after),))
    numbers.__dict__["sentences"] = frozenset()  # such results have none
    assert not numbers.tells("Grade 4 was read by two.")
    assert numbers.tells("Grade 4 was seen 4 times.")
