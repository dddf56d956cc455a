from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import EvalResult, ModelCard
from markdown_it import MarkdownIt

from reports.exports.hugging_face import hugging_face
from reports.exports.markdown import plain, table
from reports.papers import Papers
from tests.reports.exported import altered, planned, with_answers
from tests.reports.sample import large, papers, papers_of, sample, sample_dict


@pytest.fixture(scope="module")
def text() -> str:
    return hugging_face(papers())


def metadata(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text.removeprefix("---\n").partition("\n---\n")[0])
    return found


def read(text: str) -> Any:
    """The metadata as the Hub's own library reads them."""
    return ModelCard(text).data


def results(text: str) -> list[EvalResult]:
    found = read(text).eval_results
    assert isinstance(found, list)
    return found


def words(text: str) -> str:
    """The text of the card as a reader sees it."""
    tokens = MarkdownIt().enable("table").parse(text.partition("\n---\n")[2])
    inner = [child for token in tokens for child in token.children or ()]
    return "\n".join(child.content for child in inner)


def test_the_hub_reads_the_metadata_and_loses_nothing(text: str) -> None:
    assert read(text).to_dict() == metadata(text)


def test_the_index_has_what_is_documented(text: str) -> None:
    (index,) = metadata(text)["model-index"]
    assert index["name"] == "CardioScan 2.1.0"
    for result in index["results"]:
        assert result["task"] == {"type": "other", "name": "Binary classification"}
        assert {"type", "name"} <= set(result["dataset"])
        for metric in result["metrics"]:
            assert {"type", "value", "name", "args", "verified"} == set(metric)
            assert metric["verified"] is False


def test_every_value_of_everyone_and_of_single_levels_is_a_metric(text: str) -> None:
    found = {(r.metric_args or {})["id"]: r for r in results(text)}
    known = [e for e in sample().estimates if e.value is not None and "&" not in e.stratum]
    assert {e.id for e in known} <= set(found)
    assert not any("race=" in id and "sex=" in id for id in found)
    for e in known:
        result, args = found[e.id], found[e.id].metric_args or {}
        assert result.metric_value == e.value
        assert (args.get("lower"), args.get("upper"), args["n"]) == (e.lower, e.upper, e.n)
        assert result.dataset_config == e.stratum
        assert args["status"] == e.status


def test_names_that_the_hub_has_are_used_for_the_same_number(text: str) -> None:
    types = {r.metric_name: r.metric_type for r in results(text)}
    assert types["Sensitivity"] == "recall"
    assert types["AUROC"] == "roc_auc"
    assert types["O:E ratio"] == "oe_ratio"


@pytest.mark.parametrize(
    ("takes", "task", "wanted"),
    [
        ([{"kind": "columns"}], "binary", "tabular-classification"),
        ([{"kind": "columns"}], "regression", "tabular-regression"),
        ([{"kind": "columns"}, {"kind": "image"}], "binary", "other"),
        (None, "binary", "other"),
        (None, "segmentation", "image-segmentation"),
        (None, "survival", "other"),
    ],
)
def test_the_task_is_only_what_is_known(takes: Any, task: str, wanted: str) -> None:
    used = sample_dict()["provenance"] | {"predicted_by": {"takes": takes} if takes else None}
    cohort = sample_dict()["cohort"] | {"task": task}
    made = hugging_face(altered(provenance=used, cohort=cohort, verdicts=[]))
    assert metadata(made)["model-index"][0]["results"][0]["task"]["type"] == wanted


def test_what_has_no_value_is_listed_with_its_reason(text: str) -> None:
    told = words(text)
    assert (
        "sensitivity/age=[80,120): not collected: no unit of the cohort is in this stratum" in told
    )
    assert "sensitivity/race=(missing): suppressed: fewer than 11 people" in told
    assert "Sensitivity, age=[80,120)" not in told
    assert "0.000" not in next(line for line in text.splitlines() if line.startswith("| age=\\[80"))


def test_verdicts_stand_with_their_words(text: str) -> None:
    told = words(text)
    assert "Of 6 requirements in the plan: 1 met, 1 violated, 1 inconclusive" in told
    assert "violated-example" in told
    assert "the interval crosses the margin" in told


def test_sections_say_what_nobody_stated_and_what_somebody_answered(tmp_path: Path) -> None:
    bare, told = words(hugging_face(papers())), words(hugging_face(with_answers(tmp_path)))
    assert bare.count("Not stated.") == 5
    assert "The training set was weighted by race." not in bare
    assert "The training set was weighted by race." in told
    assert "card@example.org" in told
    assert "Gradient-boosted trees on 13 clinical variables." in bare


def test_without_any_value_there_is_no_index() -> None:
    made = hugging_face(altered(estimates=[], disparities=[], verdicts=[]))
    assert "model-index" not in metadata(made)
    assert read(made).to_dict() == metadata(made)
    assert "That is no evidence that groups are treated alike." in words(made)


HOSTILE = "---\n# a <script>x</script> | *b* `c` [d](javascript:e) ![f](g) &lt; $h$ רופא 医師"


def test_markup_in_names_means_nothing_but_itself() -> None:
    made = hugging_face(planned(name=HOSTILE, description=HOSTILE, intended_use=HOSTILE))
    rendered = MarkdownIt().enable("table").render(made.partition("\n---\n")[2])
    assert "<script>" not in rendered
    assert "<em>b" not in rendered
    assert "href" not in rendered
    assert "<img" not in rendered
    assert rendered.count("&amp;lt;") == 3
    assert read(made).to_dict() == metadata(made)


@pytest.mark.parametrize(
    "text",
    ["1. x", "1) x", "- x", "+ x", "=== x", "0.79 [a]", "a | b", "# h", "> q", "\\", "&amp;"],
)
def test_plain_text_renders_as_itself(text: str) -> None:
    (paragraph,) = [t for t in MarkdownIt().parse(plain(text)) if t.type == "inline"]
    assert "".join(child.content for child in paragraph.children or ()) == text
    lines = table(("x",), [(text,)])
    cells = [t for t in MarkdownIt().enable("table").parse("\n".join(lines)) if t.type == "inline"]
    assert "".join(child.content for child in cells[1].children or ()) == text


def test_hundreds_of_strata_are_read() -> None:
    # The Hub's library takes 4 ms for each of them: three measures will do.
    few = [e for e in large().estimates if e.measure in ("sensitivity", "auroc", "brier")]
    made = hugging_face(papers_of(large().model_copy(update={"estimates": tuple(few)})))
    assert len({(r.metric_args or {})["id"] for r in results(made)}) > 900


def test_the_same_papers_give_the_same_bytes(text: str) -> None:
    assert hugging_face(papers()) == text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_it_never_says_that_a_model_is_fair(text: str) -> None:
    for word in ("compliant", "unbiased", "is fair"):
        assert word not in text


def test_papers_without_a_product_have_a_card() -> None:
    bare = papers_of(sample().model_copy(update={"plan": {}}))
    made = hugging_face(Papers(bare.result, bare.audit_json))
    assert metadata(made)["model-index"][0]["name"] == "unnamed product"
    assert "# Model Card for unnamed product" in made
