"""Numbers of outputs by hand; nothing of what they mean is guessed."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from audit.models import Batch
from audit.models.outputs import as_array, converted, selected
from audit.models.spec import ModelSpec
from audit.problems import InputError

IMAGE = {"name": "image", "kind": "image", "preprocessing": {"channels": "grey"}}


def made(raw: Any, **output: Any) -> Any:
    spec = ModelSpec.model_validate({"file": "m.onnx", "inputs": [IMAGE], "output": output})
    assert spec.output is not None
    units = len(raw)
    images = {"image": [np.zeros((2, 2))] * units}
    batch = Batch(pd.DataFrame(index=range(units)), images)
    return converted(raw, spec, spec.output, batch, "m.onnx")


def code(raw: Any, **output: Any) -> str:
    with pytest.raises(InputError) as caught:
        made(raw, **output)
    (problem,) = caught.value.problems
    assert "\n" not in str(problem)
    return problem.code


LOG3 = np.log(3)


def test_sigmoid_and_softmax_by_hand() -> None:
    # 1 / (1 + 1/3) and 1 / (1 + 3)
    column = np.array([[LOG3], [-LOG3]], dtype=np.float64)
    np.testing.assert_allclose(made(column, activation="sigmoid"), [0.75, 0.25])
    np.testing.assert_allclose(made(column[:, 0], activation="sigmoid"), [0.75, 0.25])
    np.testing.assert_allclose(made(column[..., None], activation="sigmoid"), [0.75, 0.25])
    # e^0, e^0, e^log 2 are in the ratio 1 : 1 : 2.
    rows = np.array([[0, 0, np.log(2)], [np.log(2), 0, 0]])
    names = ["a", "b", "c"]
    whole = made(rows, activation="softmax", classes=names)
    np.testing.assert_allclose(whole, [[0.25, 0.25, 0.5], [0.5, 0.25, 0.25]])
    chosen = made(rows, activation="softmax", classes=names, positive="c")
    np.testing.assert_allclose(chosen, [0.5, 0.25])
    by_place = made(rows, activation="softmax", positive=2)
    np.testing.assert_array_equal(by_place, chosen)
    # Large logits do not overflow.
    np.testing.assert_array_equal(
        made(np.array([[1e4, -1e4]]), activation="softmax", positive=0), [1]
    )
    several = made(rows, activation="sigmoid", classes=names)
    np.testing.assert_allclose(several, [[0.5, 0.5, 2 / 3], [2 / 3, 0.5, 0.5]])


def test_scores_as_they_are() -> None:
    ranks = made(np.array([3, -1]), activation="none", score_kind="rank")
    np.testing.assert_array_equal(ranks, [3, -1])
    assert ranks.dtype == np.float64
    assert code(np.array([0.5, -0.1]), activation="none", score_kind="probability") == (
        "not_probability"
    )


def test_columns_whose_meaning_is_open_are_refused() -> None:
    two, one = np.zeros((3, 2)), np.zeros((3, 1))
    assert code(two, activation="softmax") == "wrong_classes"
    assert code(two, activation="softmax", classes=["a", "b"]) == "wrong_classes"
    assert code(two, activation="none", score_kind="rank") == "wrong_classes"
    assert code(two, activation="softmax", positive=2) == "wrong_classes"
    assert code(one, activation="softmax", positive=0) == "wrong_classes"
    assert code(one, activation="sigmoid", positive=1) == "wrong_classes"
    assert code(np.zeros((3, 3)), activation="softmax") == "wrong_classes"
    assert code(np.zeros((3, 3)), activation="softmax", classes=["a", "b"]) == "wrong_classes"
    assert code(np.zeros((3, 2, 2)), activation="sigmoid") == "wrong_output"


def test_masks_by_hand() -> None:
    # One unit, three channels of 1 x 2 pixels.
    logits = np.array([[[[0, 3]], [[1, 2]], [[-1, 1]]]], dtype=float)
    (mask,) = made(logits, kind="masks", activation="softmax")
    np.testing.assert_array_equal(mask, [[1, 0]])
    (apart,) = made(logits, kind="masks", activation="sigmoid", threshold=0.75)
    # Only 3 and 2 lie above log 3 = 1.0986; channels come last.
    np.testing.assert_array_equal(apart, [[[0, 0, 0], [1, 1, 0]]])
    (one,) = made(logits, kind="masks", activation="sigmoid", threshold=0.75, positive=1)
    np.testing.assert_array_equal(one, [[0, 1]])
    last = np.moveaxis(logits, 1, -1)
    (same,) = made(last, kind="masks", activation="softmax", layout="channels_last")
    np.testing.assert_array_equal(same, mask)
    (labels,) = made(np.array([[[0, 7]]]), kind="masks", activation="none")
    np.testing.assert_array_equal(labels, [[0, 7]])
    assert labels.dtype == np.uint8
    (cut,) = made(np.array([[[0.2, 0.7]]]), kind="masks", threshold=0.5)
    np.testing.assert_array_equal(cut, [[0, 1]])


def test_masks_that_are_none_are_refused() -> None:
    assert code(np.array([[[0.2, 0.7]]]), kind="masks") == "not_labels"
    assert code(np.array([[[-1, 7]]]), kind="masks") == "not_labels"
    assert code(np.array([[[300, 7]]]), kind="masks") == "not_labels"
    assert code(np.array([[[np.nan, 7]]]), kind="masks") == "not_labels"
    assert code(np.zeros((1, 2)), kind="masks") == "wrong_output"
    assert code(np.zeros((1, 1, 2, 2)), kind="masks", activation="softmax") == "wrong_classes"
    assert code(np.zeros((1, 2, 2)), kind="masks", threshold=0.5, positive=1) == "wrong_classes"
    assert (
        code(np.zeros((1, 2, 2, 2)), kind="masks", threshold=0.5, classes=["a", "b", "c"])
        == "wrong_classes"
    )


def test_images_have_channels_last() -> None:
    raw = np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2)
    (image,) = made(raw, kind="images")
    np.testing.assert_array_equal(image, np.moveaxis(raw[0], 0, -1))
    (single,) = made(raw[:, :1], kind="images", activation="sigmoid")
    np.testing.assert_allclose(single, 1 / (1 + np.exp(-raw[0, 0])), rtol=1e-6)


def test_one_of_several_outputs_is_declared() -> None:
    a, b = np.zeros(2), np.ones(2)
    assert selected({"a": a}, None, "m") is a
    assert selected({"a": a, "b": b}, "b", "m") is b
    assert selected((a, b), 1, "m") is b
    assert selected([a], None, "m") is a
    assert selected(a, None, "m") is a
    for raw, wanted in (({"a": a, "b": b}, None), ((a, b), 2), ((a, b), "a"), (a, "a")):
        with pytest.raises(InputError):
            selected(raw, wanted, "m")


def test_rows_of_class_maps_become_a_matrix() -> None:
    rows = [{0: 0.25, 1: 0.75}, {0: 0.5, 1: 0.5}]  # as exported scikit-learn classifiers give them
    np.testing.assert_array_equal(as_array(rows, "m"), [[0.25, 0.75], [0.5, 0.5]])
    for raw in ([np.zeros(2), np.zeros(3)], ["a"], object()):
        with pytest.raises(InputError):
            as_array(raw, "m")
