"""The multiclass audit by the public path: file, plan, cohort, result."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk
from numpy.typing import NDArray

from audit.measures import MEASURES
from audit.problems import InputError, Problem
from audit.result import AuditResult, Estimate
from tests.audit.builders import Columns, audited, joined, random_columns, take
from tests.audit.tasks import reference
from tests.audit.tasks.builders import (
    CLASSES,
    MULTICLASS,
    class_columns,
    of_output,
    task_audit,
    value_of,
)

DECISIONS: dict[str, Callable[[Any, Any], float]] = {
    "sensitivity": lambda y, d: sk.recall_score(y, d),
    "specificity": lambda y, d: sk.recall_score(~y, ~d),
    "ppv": lambda y, d: sk.precision_score(y, d),
    "npv": lambda y, d: sk.precision_score(~y, ~d),
    "accuracy": lambda y, d: sk.accuracy_score(y, d),
    "f1": lambda y, d: sk.f1_score(y, d),
    "mcc": lambda y, d: sk.matthews_corrcoef(y, d),
    "flag_rate": lambda y, d: float(d.mean()),
}
SCORES: dict[str, Callable[[Any, Any], float]] = {
    "auroc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "brier": sk.brier_score_loss,
    "log_loss": sk.log_loss,
}


def arrays(columns: Columns, mask: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    p = np.stack([columns[f"p_{c}"] for c in CLASSES], axis=1)[mask]
    return np.asarray(columns["y"])[mask], p


def problems(text: str, columns: Columns) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as raised:
        task_audit(text, columns)
    return raised.value.problems


def test_one_against_rest_is_that_of_scikit_learn() -> None:
    columns = class_columns(11)
    result = task_audit(MULTICLASS, columns)
    for stratum, mask in (
        ("overall", np.ones(500, dtype=np.bool_)),
        ("sex=F", columns["sex"] == "F"),
        ("sex=M", columns["sex"] == "M"),
    ):
        y, p = arrays(columns, mask)
        decided = np.array(CLASSES)[p.argmax(1)]
        for k, name in enumerate(CLASSES):
            for measure, compute in DECISIONS.items():
                found = of_output(result, measure, name, stratum)
                assert found.value == pytest.approx(compute(y == name, decided == name), abs=1e-9)
                assert found.id == f"{measure}[{name}]/{stratum}"
            for measure, of_score in SCORES.items():
                found = of_output(result, measure, name, stratum)
                assert found.value == pytest.approx(of_score(y == name, p[:, k]), abs=1e-9)
            assert of_output(result, "prevalence", name, stratum).value == (y == name).mean()


def test_classification_report_and_macro_auroc() -> None:
    columns = class_columns(12)
    result = task_audit(MULTICLASS, columns)
    y, p = arrays(columns, np.ones(500, dtype=np.bool_))
    decided = np.array(CLASSES)[p.argmax(1)]
    report = sk.classification_report(y, decided, output_dict=True)
    for name in CLASSES:
        of = {m: of_output(result, m, name).value for m in ("sensitivity", "ppv", "f1")}
        assert of["sensitivity"] == pytest.approx(report[name]["recall"], abs=1e-12)
        assert of["ppv"] == pytest.approx(report[name]["precision"], abs=1e-12)
        assert of["f1"] == pytest.approx(report[name]["f1-score"], abs=1e-12)
    macro = report["macro avg"]
    assert value_of(result, "macro_ppv") == pytest.approx(macro["precision"], abs=1e-12)
    assert value_of(result, "macro_f1") == pytest.approx(macro["f1-score"], abs=1e-12)
    code = np.array([CLASSES.index(c) for c in y])
    macro_auroc = sk.roc_auc_score(code, p / p.sum(1, keepdims=True), multi_class="ovr")
    assert value_of(result, "macro_auroc") == pytest.approx(macro_auroc, abs=1e-9)


def test_a_class_is_what_the_binary_audit_makes_of_it() -> None:
    """By score and by decision, to the last digit, resampled intervals included."""
    columns = class_columns(13)
    result = task_audit(MULTICLASS, columns)
    p = np.stack([columns[f"p_{c}"] for c in CLASSES], axis=1)
    one = columns | {
        "m": (columns["y"] == "mel").astype(int),
        "d": (p.argmax(1) == 0).astype(int),
    }
    shared = "resamples: 130\nseed: 3\nattributes: {sex: }\n"
    by_score = audited("columns: {label: m, score: p_mel, patient: pid}\n" + shared, one)
    by_decision = audited("columns: {label: m, prediction: d, patient: pid}\n" + shared, one)
    for twin, decision in ((by_score, False), (by_decision, True)):
        seen = 0
        for e in twin.estimates:
            measure = MEASURES[e.measure]
            decides = measure.needs_threshold and not measure.needs_probability
            if decides != decision or e.status != "ok":
                continue
            own = of_output(result, e.measure, "mel", e.stratum)
            keep = {"value", "lower", "upper", "n", "n_positive", "clusters", "method"}
            assert own.model_dump(include=keep) == e.model_dump(include=keep), e.id
            seen += 1
        assert seen > 30
    gaps = {d.id: d for d in result.disparities}
    for d in by_score.disparities:
        if d.measure in ("auroc", "brier") and d.status == "ok":
            head, tail = d.id.split("/", 1)
            own_gap = gaps[f"{head}[mel]/{tail}"]
            assert (own_gap.value, own_gap.lower, own_gap.p) == (d.value, d.lower, d.p)
            assert own_gap.null == d.null


def test_confusion_matrices() -> None:
    columns = class_columns(14)
    result = task_audit(MULTICLASS, columns)
    assert [c.stratum for c in result.confusion] == ["overall", "sex=F", "sex=M"]
    for found in result.confusion:
        sex = found.stratum.removeprefix("sex=")
        y, p = arrays(columns, (columns["sex"] == sex) | (found.stratum == "overall"))
        expected = sk.confusion_matrix(y, np.array(CLASSES)[p.argmax(1)], labels=list(CLASSES))
        assert found.classes == CLASSES
        np.testing.assert_array_equal(found.counts, expected)


def test_the_order_of_classes_matters_to_the_kappa_alone() -> None:
    columns = class_columns(15)
    other = MULTICLASS.replace("{mel: p_mel, naevus: p_naevus, bcc: p_bcc}",
                               "{naevus: p_naevus, mel: p_mel, bcc: p_bcc}")  # fmt: skip
    one, two = task_audit(MULTICLASS, columns), task_audit(other, columns)
    assert one.provenance.plan_sha256 != two.provenance.plan_sha256
    ids = {e.id: e for e in two.estimates}
    differs = set()
    for e in one.estimates:
        close = [
            (a is None) == (b is None) and (a is None or a == pytest.approx(b, abs=1e-9))
            for a, b in ((e.value, ids[e.id].value), (e.lower, ids[e.id].lower))
        ]
        if not all(close):
            differs.add(e.measure)
    assert differs == {"quadratic_kappa"}
    y, p = arrays(columns, np.ones(500, dtype=np.bool_))
    order = ["naevus", "mel", "bcc"]
    decided = np.array(CLASSES)[p.argmax(1)]
    kappa = sk.cohen_kappa_score(y, decided, labels=order, weights="quadratic")
    assert value_of(two, "quadratic_kappa") == pytest.approx(kappa, abs=1e-12)


def same(one: AuditResult, other: AuditResult) -> None:
    drop = {"provenance"}
    assert one.model_dump(exclude=drop) == other.model_dump(exclude=drop)


@pytest.mark.parametrize("ids", [", patient: pid", ", unit: uid", ""])
def test_order_of_rows_and_columns(ids: str) -> None:
    text = MULTICLASS.replace(", patient: pid", ids).replace("130", "100")
    columns = class_columns(16, 230, 120, decimals=2)
    columns["y"] = columns["y"].astype(object)
    columns["y"][:7] = None
    columns["p_mel"] = columns["p_mel"].astype(object)
    columns["p_mel"][5:11] = None
    columns["uid"] = np.array([f"u{i}" for i in range(230)])
    whole = task_audit(text, columns)
    shuffled = take(columns, np.random.default_rng(1).permutation(230))
    same(whole, task_audit(text, dict(reversed(shuffled.items()))))


def test_only_predicted_classes() -> None:
    columns = class_columns(17)
    p = np.stack([columns[f"p_{c}"] for c in CLASSES], axis=1)
    columns["said"] = np.array(CLASSES)[p.argmax(1)]
    text = """
    task: multiclass
    columns: {label: y, prediction: said, patient: pid}
    resamples: 130
    seed: 3
    attributes: {sex: }
    """
    result, scored = task_audit(text, columns), task_audit(MULTICLASS, columns)
    assert result.cohort.outputs == ("bcc", "mel", "naevus")
    assert result.cohort.score_kind == "decision"
    for measure in ("accuracy", "macro_f1", "macro_ppv"):
        assert value_of(result, measure) == value_of(scored, measure)
    for name in CLASSES:
        a, b = (of_output(r, "sensitivity", name, "sex=F") for r in (result, scored))
        assert (a.value, a.lower, a.upper) == (b.value, b.lower, b.upper)
    gone = of_output(result, "auroc", "mel")
    assert (gone.status, gone.reason) == (
        "undefined",
        "there is no score, only a yes/no prediction",
    )
    whole = next(e for e in result.estimates if e.id == "macro_auroc/overall")
    assert whole.reason == "there are no scores, only a predicted class"
    assert result.curves.calibration == ()


@pytest.mark.parametrize("kind", ["logit", "rank"])
def test_score_kinds(kind: str) -> None:
    """Logits go through the softmax; ranks have an order and no probability."""
    columns = class_columns(18)
    logits = {f"p_{c}": np.log(columns[f"p_{c}"]) + columns["p_bcc"] * 5 for c in CLASSES}
    text = MULTICLASS + f"score_kind: {kind}\n"
    result = task_audit(text, columns | logits)
    plain = task_audit(MULTICLASS, columns)
    assert value_of(result, "accuracy") == value_of(plain, "accuracy")
    loss = next(e for e in result.estimates if e.id == "multiclass_log_loss/overall")
    if kind == "logit":
        for measure in ("macro_auroc", "multiclass_log_loss", "multiclass_brier"):
            assert value_of(result, measure) == pytest.approx(value_of(plain, measure), abs=1e-9)
        for measure in ("brier", "calibration_slope", "auroc"):
            a, b = (of_output(r, measure, "naevus") for r in (result, plain))
            assert a.value == pytest.approx(b.value, abs=1e-7)
    else:
        assert (loss.status, loss.reason) == ("undefined", "the scores are not probabilities")
        assert of_output(result, "brier", "mel").reason == "the score is not a probability"


def test_ties_go_to_the_class_declared_first_and_are_counted() -> None:
    columns = {
        "y": np.array(["a", "b", "c", "b"] * 5),
        "pa": np.array([0.4, 0.4, 0.2, 0.5] * 5),
        "pb": np.array([0.4, 0.4, 0.4, 0.3] * 5),
        "pc": np.array([0.2, 0.2, 0.4, 0.2] * 5),
    }
    text = "task: multiclass\ncolumns: {label: y, scores: {a: pa, b: pb, c: pc}}\nresamples: 100\n"
    result = task_audit(text, columns)
    assert result.confusion[0].counts == ((5, 0, 0), (10, 0, 0), (0, 5, 0))
    (tied,) = [w for w in result.warnings if w.code == "tied_classes"]
    assert "15 of 20 rows (75 %)" in tied.message
    # c is second to b, which is declared before it: still among the two highest
    assert value_of(result, "top_k_accuracy") == 1.0
    assert value_of(task_audit(text + "options: {top_k: 1}\n", columns), "top_k_accuracy") == 0.25


def test_a_class_absent_from_a_stratum() -> None:
    columns = class_columns(19)
    columns["sex"] = np.where(
        (columns["sex"] == "F") & (columns["y"] == "mel"), "M", columns["sex"]
    )
    result = task_audit(MULTICLASS, columns)
    for measure in ("balanced_accuracy", "macro_sensitivity"):
        found = next(e for e in result.estimates if e.id == f"{measure}/sex=F")
        assert (found.value, found.status, found.reason) == (None, "undefined", "no unit of 'mel'")
    auroc = next(e for e in result.estimates if e.id == "macro_auroc/sex=F")
    assert auroc.reason == "not both units of and units outside 'mel'"
    assert value_of(result, "accuracy", "sex=F") > 0
    assert value_of(result, "quadratic_kappa", "sex=F") is not None
    gap = next(d for d in result.disparities if d.id == "macro_auroc/gap/sex")
    assert (gap.status, gap.value) == ("insufficient", None)
    assert of_output(result, "sensitivity", "mel", "sex=F").status == "undefined"


def test_strata_of_one_row_and_of_nobody() -> None:
    columns = class_columns(20, 200, 200)
    columns["sex"] = columns["sex"].astype(object)
    columns["sex"][0] = "X"
    columns["y"] = columns["y"].astype(object)
    columns["sex"][1], columns["y"][1] = "Y", None
    text = MULTICLASS.replace("{sex: }", "{sex: {levels: [F, M, X, Y, Z]}}")
    result = task_audit(text, columns)
    by_id = {e.id: e for e in result.estimates}
    one = by_id["accuracy/sex=X"]
    assert (one.n, one.status, one.lower) == (1, "insufficient", None)
    assert one.reason == "1 patients; the plan asks for 10"
    assert by_id["accuracy/sex=Y"].status == "not_collected"
    assert by_id["accuracy/sex=Z"].reason == "no unit of the cohort is in this stratum"
    assert by_id["macro_f1/sex=X"].status == "undefined"
    counts = {c.stratum: c for c in result.cohort.strata}
    assert (counts["sex=Y"].rows, counts["sex=Y"].n, counts["sex=Y"].missing_label) == (1, 0, 1)


def test_rare_classes_have_no_inference_for_means_over_classes() -> None:
    columns = class_columns(21, 300, 300)
    keep = (columns["y"] != "mel") | (np.cumsum(columns["y"] == "mel") <= 4)
    result = task_audit(MULTICLASS, take(columns, keep))
    found = next(e for e in result.estimates if e.id == "macro_auroc/overall")
    assert (found.status, found.lower) == ("insufficient", None)
    assert found.reason == "4 patients of 'mel'; the plan asks for 5"
    assert next(e for e in result.estimates if e.id == "accuracy/overall").status == "ok"


def test_labels_that_are_no_class_are_one_problem() -> None:
    columns = class_columns(22, 100, 100)
    columns["y"] = columns["y"].astype(object)
    columns["y"][[3, 8, 9]] = ["scc", "scc", "akiec"]
    (found,) = problems(MULTICLASS, columns)
    assert found.code == "unknown_class"
    assert "'scc' (2), 'akiec' (1)" in found.reason
    assert "(3 rows, at rows 4, 9, 10)" in found.reason
    assert found.where == "0.parquet: row 4, column 'y'"


@pytest.mark.parametrize(("text", "change", "code"), [
    (MULTICLASS + "threshold: {value: 0.5}\n", {}, "no_threshold"),
    (MULTICLASS, {"p_bcc": np.full(60, 1.5)}, "score_not_probability"),
    (MULTICLASS, {"p_bcc": np.full(60, np.nan)}, "score_not_finite"),
    (MULTICLASS, {"y": [None] * 60}, "nothing_to_assess"),
    (MULTICLASS.replace("bcc: p_bcc", "bcc: p_mel"), {}, "conflicting_roles"),
    (MULTICLASS.replace("bcc: p_bcc", "bcc: pid"), {}, "conflicting_roles"),
    ("task: multiclass\ncolumns: {label: y, scores: {mel: p_mel}}\n", {"y": ["mel"] * 60},
     "one_class_only"),
    ("task: multiclass\ncolumns: {label: y, scores: {'1': p_mel, '1.0': p_bcc}}\n",
     {"y": ["1"] * 60}, "repeated_class"),
])  # fmt: skip
def test_bad_input(text: str, change: dict[str, Any], code: str) -> None:
    columns = class_columns(23, 60, 60) | change
    assert code in [p.code for p in problems(text, columns)]


def test_scores_that_do_not_sum_to_one_are_told_with_figures() -> None:
    columns = class_columns(24, 100, 100)
    columns["p_mel"] = columns["p_mel"] / 2
    result = task_audit(MULTICLASS, columns)
    (found,) = [w for w in result.warnings if w.code == "scores_do_not_sum"]
    p = np.stack([columns[f"p_{c}"] for c in CLASSES], axis=1).sum(1)
    off = int((np.abs(p - 1) > 0.01).sum())
    assert f"{off} of 100 rows" in found.message
    assert f"from {p.min():.3g} to {p.max():.3g}" in found.message
    rounded = task_audit(MULTICLASS, class_columns(24, 100, 100, decimals=2))
    assert not [w for w in rounded.warnings if w.code == "scores_do_not_sum"]


def test_classes_written_as_numbers() -> None:
    columns = class_columns(25, 200, 200)
    grade = np.array([CLASSES.index(c) for c in columns["y"]])
    measures = ("accuracy", "quadratic_kappa", "macro_auroc")
    words = MULTICLASS + f"measures: [{', '.join(measures)}]\n"
    text = words.replace("mel: p_mel, naevus: p_naevus, bcc: p_bcc",
                         "0: p_mel, 1: p_naevus, 2: p_bcc")  # fmt: skip
    named, numbered = task_audit(words, columns), task_audit(text, columns | {"y": grade})
    floats = task_audit(text, columns | {"y": grade.astype(float)})
    assert numbered.cohort.outputs == ("0", "1", "2")
    for measure in measures:
        assert value_of(numbered, measure) == value_of(named, measure) == value_of(floats, measure)


def test_measures_of_the_plan_alone() -> None:
    text = MULTICLASS + "measures: [macro_auroc, auroc, sensitivity]\n"
    result = task_audit(text, class_columns(26, 200, 200))
    assert {(e.measure, e.output is None) for e in result.estimates} == {
        ("macro_auroc", True), ("auroc", False), ("sensitivity", False),
    }  # fmt: skip
    only = task_audit(MULTICLASS + "measures: [macro_auroc]\n", class_columns(26, 200, 200))
    assert {e.measure for e in only.estimates} == {"macro_auroc"}


def test_sites_have_every_output_and_the_whole_task() -> None:
    columns = class_columns(27, 900, 900)
    text = MULTICLASS.replace("patient: pid", "patient: pid, site: site")
    result = task_audit(text + "measures: [accuracy, auroc]\n", columns)
    assert result.sites is not None
    found = {(h.measure, h.output, h.contrast) for h in result.sites.heterogeneity}
    assert {("accuracy", None, None), ("accuracy", "mel", None), ("auroc", "bcc", None)} <= found
    assert ("auroc", "mel", "difference") in found
    assert ("accuracy", None, "difference") in found
    pooled = next(
        h for h in result.sites.heterogeneity if h.measure == "accuracy" and h.output is None
    )
    assert pooled.pooled is not None
    assert pooled.pooled.value == pytest.approx(value_of(result, "accuracy"), abs=0.01)
    assert "few_sites" in [w.code for w in result.warnings]


def test_two_classes_agree_with_the_binary_audit() -> None:
    """Whole-task means of two classes are those of the binary measures."""
    columns = random_columns(28, 300)
    columns |= {"q": 1 - columns["p"], "c": np.where(columns["y"] == 1, "yes", "no")}
    text = "task: multiclass\ncolumns: {label: c, scores: {'no': q, 'yes': p}, unit: uid}\n"
    result = task_audit(text + "resamples: 100\n", columns)
    twin = reference_binary(columns)
    assert value_of(result, "balanced_accuracy") == pytest.approx(twin["balanced"], abs=1e-12)
    assert value_of(result, "macro_auroc") == pytest.approx(twin["auroc"], abs=1e-12)
    assert value_of(result, "multiclass_brier") == pytest.approx(2 * twin["brier"], abs=1e-12)
    assert value_of(result, "quadratic_kappa") == pytest.approx(twin["kappa"], abs=1e-12)


def reference_binary(columns: Columns) -> dict[str, float]:
    y, p = columns["y"], columns["p"]
    flag = (p > 0.5).astype(int)
    return {
        "balanced": sk.balanced_accuracy_score(y, flag),
        "auroc": sk.roc_auc_score(y, p),
        "brier": sk.brier_score_loss(y, p),
        "kappa": sk.cohen_kappa_score(y, flag),
    }


def test_many_classes_on_few_rows() -> None:
    rng = np.random.default_rng(29)
    names = [f"c{i:02d}" for i in range(12)]
    p = rng.dirichlet(np.ones(12), 40)
    columns = {"y": rng.choice(names[:9], 40), **{n: p[:, k] for k, n in enumerate(names)}}
    scores = ", ".join(f"{n}: {n}" for n in names)
    text = f"task: multiclass\ncolumns: {{label: y, scores: {{{scores}}}}}\nresamples: 100\n"
    result = task_audit(text, columns)
    (absent,) = [w for w in result.warnings if w.code == "class_absent"]
    assert "'c09', 'c10', 'c11'" in absent.message
    found = next(e for e in result.estimates if e.id == "macro_sensitivity/overall")
    assert found.reason == "no unit of 'c09', 'c10', 'c11'"
    assert of_output(result, "sensitivity", "c11").status == "undefined"
    expected = sk.accuracy_score(columns["y"], np.array(names)[p.argmax(1)])
    assert value_of(result, "accuracy") == pytest.approx(expected)


def test_rows_of_a_patient_written_twice_add_nothing() -> None:
    columns = class_columns(30, 300, 250)
    one, two = task_audit(MULTICLASS, columns), task_audit(MULTICLASS, joined(columns, columns))
    before: dict[str, Estimate] = {e.id: e for e in one.estimates if e.output is None}
    for e in two.estimates:
        if e.output is not None or e.method.startswith(("bca", "percentile")):
            continue
        assert e.value == pytest.approx(before[e.id].value, abs=1e-12)
        if e.lower is not None and before[e.id].method == e.method:
            assert e.lower == pytest.approx(before[e.id].lower, abs=1e-9), e.id


def test_whole_values_agree_by_stratum() -> None:
    columns = class_columns(31)
    result = task_audit(MULTICLASS, columns)
    for sex in ("F", "M"):
        expected = reference.multiclass(take(columns, columns["sex"] == sex))
        for measure, value in expected.items():
            assert value_of(result, measure, f"sex={sex}") == pytest.approx(value, abs=1e-9)
