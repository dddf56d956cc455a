import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audit.models import Batch, Model
from audit.models.self_check import self_check
from tests.audit.models.samples import codes, declared, refusal, units

SOURCE = """
import numpy as np
import sibling_of_wrapper

CALLS = []
RNG = np.random.default_rng(1)

class Wrapped:
    @staticmethod
    def score(batch):
        return batch.table["age"].to_numpy() / 100

def score(batch):
    CALLS.append((len(batch), list(batch.table.columns), sorted(batch.images)))
    bright = np.array([image.mean() for image in batch.images["image"]])
    male = (batch.table["sex"] == "M").to_numpy(dtype=float)
    return sibling_of_wrapper.half(bright + male)

def classes(batch):
    return {"p": np.tile([0.2, 0.3, 0.5], (len(batch), 1)), "other": None}

def masks(batch):
    return [image > 0.5 for image in batch.images["image"]]

def images(batch):
    return [1 - image for image in batch.images["image"]]

def too_few(batch):
    return np.zeros(len(batch) - 1)

def words(batch):
    return ["a"] * len(batch)

def large(batch):
    return np.full(len(batch), 1.5)

def shaken(batch):
    return 0.5 + 1e-7 * RNG.random(len(batch))

def restless(batch):
    return RNG.random(len(batch))

def restless_masks(batch):
    return [(RNG.random(image.shape) > 0.5) for image in batch.images["image"]]

def failing(batch):
    raise KeyError("no such patient")

NUMBER = 3
"""
IMAGE = """
  - name: image
    kind: image
    preprocessing: {layout: no_channels, steps: [{step: divide, by: 255}]}
"""
COLUMNS = "  - {name: table, kind: columns, columns: [age, sex]}\n"
SCORE = "output: {activation: none, score_kind: probability}\nbatch_size: 3\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wrapper.py").write_text(SOURCE)
    (tmp_path / "sibling_of_wrapper.py").write_text("def half(x):\n    return x / 2\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("wrapper", "sibling_of_wrapper"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def model(folder: Path, name: str, output: str = SCORE, inputs: str = COLUMNS + IMAGE) -> Model:
    text = f"callable: wrapper:{name}\ninputs:\n{inputs}{output}"
    return declared(folder, text, trust=True)


def array(predicted: Any) -> Any:
    return np.stack(list(predicted)) if isinstance(predicted, tuple) else np.asarray(predicted)


def test_a_function_gets_units_a_few_at_a_time(tmp_path: Path) -> None:
    batch = units(7)
    loaded = model(tmp_path, "score")
    bright = np.array([image.astype(np.float32).mean() / 255 for image in batch.images["image"]])
    male = (batch.table["sex"] == "M").to_numpy(dtype=float)
    np.testing.assert_allclose(array(loaded.predict(batch)), (bright + male) / 2, rtol=1e-6)
    calls = sys.modules["wrapper"].CALLS
    assert calls == [(n, ["age", "sex"], ["image"]) for n in (3, 3, 1)]
    described = loaded.describe()
    assert (described.format, described.inputs) == ("callable", ("age", "sex"))
    assert described.bytes == len(SOURCE.encode())
    assert array(model(tmp_path, "Wrapped.score").predict(batch)).shape == (7,)


def test_a_module_of_a_taken_name_does_not_take_its_place(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("def score(batch):\n    return [0.25] * len(batch)\n")
    text = f"callable: json:score\ninputs:\n{COLUMNS}{SCORE}"
    scores = declared(tmp_path, text, trust=True).predict(units(2))
    np.testing.assert_array_equal(array(scores), [0.25, 0.25])
    assert hasattr(sys.modules["json"], "dumps")


def test_code_needs_trust(tmp_path: Path) -> None:
    text = f"callable: wrapper:score\ninputs:\n{COLUMNS}{SCORE}"
    error = refusal(lambda: declared(tmp_path, text))
    assert codes(error) == ["untrusted_code"]
    assert "wrapper" not in sys.modules


def test_every_class_masks_and_images(tmp_path: Path) -> None:
    batch = units(4)
    output = "output: {select: p, activation: none, score_kind: probability, classes: [a, b, c]}\n"
    scores = array(model(tmp_path, "classes", output).predict(batch))
    np.testing.assert_array_equal(scores, np.tile([0.2, 0.3, 0.5], (4, 1)))
    one = output.replace("}", ", positive: b}")
    np.testing.assert_array_equal(array(model(tmp_path, "classes", one).predict(batch)), [0.3] * 4)
    small = Batch(
        batch.table,
        {"image": [image[: 5 + row] for row, image in enumerate(batch.images["image"])]},
    )
    masks = model(tmp_path, "masks", "output: {kind: masks, activation: none}\n").predict(small)
    assert [mask.shape for mask in masks] == [(5, 8), (6, 8), (7, 8), (8, 8)]
    for mask, image in zip(masks, small.images["image"], strict=True):
        np.testing.assert_array_equal(mask, image / 255 > 0.5)
    images = model(tmp_path, "images", "output: {kind: images, activation: none}\n").predict(small)
    for made, image in zip(images, small.images["image"], strict=True):
        np.testing.assert_allclose(made, 1 - image / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "output", "code", "told"),
    [
        ("too_few", SCORE, "wrong_output", "2 results for 3 units"),
        ("words", SCORE, "no_numbers", "instead of an array of numbers"),
        ("large", SCORE, "not_probability", "a score is 1.5"),
        ("classes", SCORE, "unknown_output", "'p', 'other'"),
        ("masks", SCORE, "wrong_output", "declare kind: masks"),
        (
            "classes",
            SCORE.replace("{", "{select: p, "),
            "wrong_classes",
            "name all 'classes'",
        ),
        (
            "classes",
            SCORE.replace("{", "{select: p, classes: [a, b], "),
            "wrong_classes",
            "2 classes are declared",
        ),
        (
            "images",
            "output: {kind: masks, activation: none}\n",
            "not_labels",
            "or a threshold",
        ),
    ],
)
def test_what_was_not_declared_is_refused_in_a_line(
    tmp_path: Path, name: str, output: str, code: str, told: str
) -> None:
    loaded = model(tmp_path, name, output)
    error = refusal(lambda: loaded.predict(units(3)))
    assert codes(error) == [code]
    assert told in str(error)


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("scores", "unknown_callable", "did you mean 'score'"),
        ("NUMBER", "unknown_callable", "is a int and cannot be called"),
    ],
)
def test_names_that_are_no_function(tmp_path: Path, name: str, code: str, told: str) -> None:
    error = refusal(lambda: model(tmp_path, name))
    assert codes(error) == [code]
    assert told in str(error)


def test_a_module_that_fails_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "wrapper.py").write_text("import no_such_library\n")
    error = refusal(lambda: model(tmp_path, "score"))
    assert codes(error) == ["broken_module"]
    assert "no_such_library" in str(error)
    (tmp_path / "wrapper.py").write_text("def score(:\n")
    assert codes(refusal(lambda: model(tmp_path, "score"))) == ["broken_module"]


def test_what_a_function_raises_is_about_the_units(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        model(tmp_path, "failing").predict(units(1))


def test_a_batch_run_twice(tmp_path: Path) -> None:
    checked, scores = self_check(model(tmp_path, "score"), units(5))
    assert (checked.deterministic, checked.largest_difference) == (True, 0.0)
    assert len(array(scores)) == 5
    checked, _ = self_check(model(tmp_path, "shaken"), units(5))
    assert checked.deterministic is False
    assert checked.largest_difference is not None
    assert 0 < checked.largest_difference < 1e-7
    error = refusal(lambda: self_check(model(tmp_path, "restless"), units(5)))
    assert codes(error) == ["not_repeatable"]
    masks = "output: {kind: masks, activation: none}\n"
    error = refusal(lambda: self_check(model(tmp_path, "restless_masks", masks), units(2)))
    assert codes(error) == ["not_repeatable"]
    assert "share of pixels" in str(error)


def test_a_score_that_is_never_there_repeats(tmp_path: Path) -> None:
    (tmp_path / "wrapper.py").write_text(
        "import numpy as np\ndef score(batch):\n    return np.full(len(batch), np.nan)\n"
    )
    loaded = model(tmp_path, "score", "output: {activation: none, score_kind: rank}\n")
    checked, scores = self_check(loaded, units(2))
    assert checked.deterministic is True
    assert np.isnan(array(scores)).all()


def test_no_units_give_no_scores(tmp_path: Path) -> None:
    empty = Batch(pd.DataFrame({"age": [], "sex": []}), {"image": []})
    assert array(model(tmp_path, "score").predict(empty)).shape == (0,)
