"""The multilabel audit by the public path: every label a binary question of its own."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from audit.measures import MEASURES
from audit.problems import InputError
from audit.result import AuditResult
from tests.audit.builders import Columns, audited, take
from tests.audit.tasks import reference
from tests.audit.tasks.builders import (
    MULTILABEL,
    label_columns,
    of_output,
    task_audit,
    value_of,
)

SECTIONS: tuple[Callable[[AuditResult], Any], ...] = (
    lambda r: r.case_mix.by_site,
    lambda r: r.bounds.missing,
    lambda r: r.sample_size,
    lambda r: r.calibration_tests,
)
LABELS = {"effusion": "e", "oedema": "o", "nodule": "n"}


def changed(columns: Columns, **change: Any) -> Columns:
    return columns | change


@pytest.mark.parametrize("patients", [300, 120])
def test_a_label_is_what_the_binary_audit_makes_of_it(patients: int) -> None:
    """A label that is always assessed is audited as if it were the only one, to the last digit."""
    columns = label_columns(41, 400, patients, missing=0.0)
    result = task_audit(MULTILABEL, columns)
    twin = audited(
        "columns: {label: y_o, score: p_o, patient: pid}\nthreshold: {value: 0.4}\n"
        "resamples: 130\nseed: 3\nattributes: {sex: }\n",
        columns,
    )
    for e in twin.estimates:
        own = of_output(result, e.measure, "oedema", e.stratum)
        # labels are redrawn by the place of the row, and ties of rows are broken by all labels
        drop = {"id", "output"} | ({"null"} if MEASURES[e.measure].inference == "null" else set())
        assert own.model_dump(exclude=drop) == e.model_dump(exclude=drop), e.id
    by_id = {d.id: d for d in result.disparities}
    for d in twin.disparities:
        head, tail = d.id.split("/", 1)
        own_gap = by_id[f"{head}[oedema]/{tail}"]
        drop = {"id", "output", "p_adjusted"}
        assert own_gap.model_dump(exclude=drop) == d.model_dump(exclude=drop), d.id
        assert own_gap.output == "oedema"
    criteria = [c for c in result.criteria if c.output == "oedema"]
    assert [c.model_dump(exclude={"id", "output", "evidence"}) for c in criteria] == [
        c.model_dump(exclude={"id", "output", "evidence"}) for c in twin.criteria
    ]
    ids = {e.id for e in result.estimates} | set(by_id)
    assert all(set(c.evidence) <= ids for c in result.criteria)
    for part in SECTIONS:
        mine, theirs = part(result), part(twin)
        found = [r.model_dump(exclude={"id", "output"}) for r in mine if r.output == "oedema"]
        assert found == [r.model_dump(exclude={"id", "output"}) for r in theirs]
    assert result.sample_size
    for name in ("calibration", "decision", "risk", "sweep", "operating_points"):
        curves = [c for c in getattr(result.curves, name) if c.output == "oedema"]
        assert [c.model_dump(exclude={"output"}) for c in curves] == [
            c.model_dump(exclude={"output"}) for c in getattr(twin.curves, name)
        ]


def test_an_empty_cell_leaves_the_other_labels_alone() -> None:
    columns = label_columns(42, missing=0.0)
    gaps = changed(columns, y_e=[None if i % 3 == 0 else v for i, v in enumerate(columns["y_e"])])
    whole, part = task_audit(MULTILABEL, columns), task_audit(MULTILABEL, gaps)
    for label in LABELS:
        a, b = (of_output(r, "auroc", label, "sex=M") for r in (whole, part))
        if label == "effusion":
            assert b.n is not None
            assert a.n is not None
            assert b.n < a.n
        else:
            assert a.model_dump() == b.model_dump()
    told = [w for w in part.warnings if w.code == "label_not_assessed"]
    assert [(w.column, "167 of 500 rows" in w.message) for w in told] == [("y_e", True)]
    assert part.cohort.missing_label == 0
    assert part.cohort.analysed == 500


def test_counts_of_rows_without_any_label() -> None:
    columns = label_columns(43, missing=0.3)
    result = task_audit(MULTILABEL, columns)
    table = np.array([[v is None for v in columns[f"y_{s}"]] for s in LABELS.values()])
    scores = np.array([[v is None for v in columns[f"p_{s}"]] for s in LABELS.values()])
    assert result.cohort.missing_label == int(table.all(axis=0).sum()) > 0
    used = ~table & ~scores
    assert result.cohort.analysed == int(used.any(axis=0).sum())
    for k, label in enumerate(LABELS):
        assert of_output(result, "prevalence", label).n == int(used[k].sum())


@pytest.mark.parametrize("form", ["null", "nan"])
def test_nan_is_not_assessed(form: str) -> None:
    columns = label_columns(44, missing=0.1)
    plain = task_audit(MULTILABEL, columns)
    if form == "nan":
        floats = {
            f"y_{s}": np.array([np.nan if v is None else v for v in columns[f"y_{s}"]], float)
            for s in LABELS.values()
        }
        columns = columns | floats
    again = task_audit(MULTILABEL, columns)
    assert again.model_dump(exclude={"provenance"}) == plain.model_dump(exclude={"provenance"})


def test_whole_values_agree_by_stratum() -> None:
    columns = {k: np.asarray(v, dtype=object) for k, v in label_columns(45).items()}
    result = task_audit(MULTILABEL, {k: v.tolist() for k, v in columns.items()})
    for sex in ("F", "M"):
        part = take(columns, columns["sex"] == sex)
        for measure, value in reference.multilabel(part).items():
            assert value_of(result, measure, f"sex={sex}") == pytest.approx(value, abs=1e-9)


def test_order_of_rows_and_columns() -> None:
    columns = {k: np.asarray(v, dtype=object) for k, v in label_columns(46, 230, 120).items()}
    text = MULTILABEL.replace("\n  patient: pid", "")
    whole = task_audit(text, {k: v.tolist() for k, v in columns.items()})
    order = np.random.default_rng(2).permutation(230)
    again = task_audit(text, {k: v[order].tolist() for k, v in reversed(columns.items())})
    assert again.model_dump(exclude={"provenance"}) == whole.model_dump(exclude={"provenance"})


def test_a_label_undefined_in_a_stratum_leaves_means_over_labels_undefined() -> None:
    columns = label_columns(47)
    female = columns["sex"] == "F"
    y = [0 if f and v == 1 else v for f, v in zip(female, columns["y_n"], strict=True)]
    result = task_audit(MULTILABEL, columns | {"y_n": y})
    by_id = {e.id: e for e in result.estimates}
    found = by_id["macro_auroc/sex=F"]
    assert (found.status, found.reason) == (
        "undefined",
        "not both units of and units outside 'nodule'",
    )
    assert by_id["macro_sensitivity/sex=F"].reason == "no unit of 'nodule'"
    assert by_id["micro_sensitivity/sex=F"].status == "ok"
    assert by_id["macro_specificity/sex=F"].status == "ok"
    assert of_output(result, "auroc", "oedema", "sex=F").status == "ok"


def test_a_label_assessed_nowhere() -> None:
    columns = label_columns(48)
    result = task_audit(MULTILABEL, columns | {"y_n": [None] * 500})
    assert of_output(result, "auroc", "nodule").status == "not_collected"
    assert "label_empty" in [w.code for w in result.warnings]
    assert of_output(result, "auroc", "oedema").status == "ok"


def test_no_threshold() -> None:
    text = MULTILABEL.replace("threshold: {value: 0.4}\n", "")
    result = task_audit(text, label_columns(49))
    by_id = {e.id: e for e in result.estimates}
    assert by_id["macro_f1/overall"].reason == "no threshold was declared"
    assert by_id["macro_auroc/overall"].status == "ok"
    assert of_output(result, "sensitivity", "nodule").reason == "no threshold was declared"


def test_proportions_over_labels_are_clustered_by_row() -> None:
    """The labels of a row are not independent: repeating a label must not narrow the interval."""
    columns = label_columns(50, missing=0.0)
    text = MULTILABEL.replace("\n  patient: pid", "")
    twice = text.replace("nodule: y_n", "nodule: y_e2, other: y_e3").replace(
        "nodule: p_n", "nodule: p_e2, other: p_e3"
    )
    copies = {f"{c}_e{i}": columns[f"{c}_e"] for c in "yp" for i in (2, 3)}
    only = text.replace("oedema: y_o, nodule: y_n", "oedema: y_e2").replace(
        "oedema: p_o, nodule: p_n", "oedema: p_e2"
    )
    two = task_audit(only, columns | copies)
    four = task_audit(twice.replace("oedema: y_o", "oedema: y_o").replace("p_o", "p_o"),
                      columns | copies)  # fmt: skip
    by_id = {e.id: e for e in two.estimates}
    found = by_id["micro_sensitivity/overall"]
    single = of_output(two, "sensitivity", "effusion")
    assert found.value == single.value
    assert found.denominator == 2 * (single.denominator or 0)
    assert found.method == "cluster_robust_logit"
    assert found.lower is not None
    assert single.lower is not None
    assert found.lower == pytest.approx(single.lower, abs=0.01)
    assert len(four.cohort.outputs) == 4


@pytest.mark.parametrize(("change", "code"), [
    ({"y_e": [2, 1, 0] * 20}, "label_not_binary"),
    ({"y_e": ["yes", "no", "no"] * 20}, "positive_needed"),
    ({"p_e": [0.5, 1.5, 0.2] * 20}, "score_not_probability"),
    ({"y_e": [None] * 60, "y_o": [None] * 60, "y_n": [None] * 60}, "nothing_to_assess"),
])  # fmt: skip
def test_bad_input(change: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as raised:
        task_audit(MULTILABEL, label_columns(51, 60, 60) | change)
    assert code in [p.code for p in raised.value.problems]


def test_words_for_the_positive_value() -> None:
    columns = label_columns(52)
    words = {
        f"y_{s}": [None if v is None else ("yes" if v else "no") for v in columns[f"y_{s}"]]
        for s in LABELS.values()
    }
    plain = task_audit(MULTILABEL, columns)
    worded = task_audit(MULTILABEL + "positive: 'yes'\n", columns | words)
    assert value_of(worded, "macro_auroc") == value_of(plain, "macro_auroc")
