from pathlib import Path

import pytest

from audit.models.spec import ModelSpec
from audit.models.spec_file import parse_model_spec, read_model_spec
from audit.problems import InputError

GOOD = """\
file: m.onnx
inputs:
  - {name: x, kind: columns, columns: [a, {name: b, codes: {1: 0.5, F: 2}}]}
output:
  activation: softmax
  classes: [0, 1]
  positive: 1
"""


def problems(text: str) -> list[tuple[str, str]]:
    with pytest.raises(InputError) as caught:
        parse_model_spec(text, "m.yaml")
    assert all("\n" not in str(problem) for problem in caught.value.problems)
    return [(problem.code, str(problem)) for problem in caught.value.problems]


def test_a_declaration_is_read() -> None:
    spec = parse_model_spec(GOOD, "m.yaml")
    (item,) = spec.inputs
    assert item.kind == "columns"
    assert [column.name for column in item.columns] == ["a", "b"]
    assert item.columns[1].codes == {"1": 0.5, "F": 2}
    assert spec.output is not None
    # A whole number is a place; the class in that place is called 1, too.
    assert (spec.output.classes, spec.output.place, spec.output.positive_name) == (
        ("0", "1"),
        1,
        "1",
    )
    assert ModelSpec.model_validate(spec.model_dump()) == spec


def test_every_problem_is_told_with_its_line() -> None:
    text = GOOD.replace("kind: columns", "kind: columns, dype: float32") + "devise: cpu\n"
    (first, second) = problems(text)
    assert first[0] == second[0] == "unknown_key"
    assert first[1].startswith("m.yaml: line 3: unknown key")
    assert "did you mean 'dtype'" in first[1]
    assert second[1].startswith("m.yaml: line 8: unknown key 'devise'")
    assert "did you mean 'device'" in second[1]


@pytest.mark.parametrize(
    ("old", "new", "code", "told"),
    [
        ("file: m.onnx", "", "bad_value", "one of 'file' and 'callable'"),
        ("file: m.onnx", "file: a\ncallable: b:c", "bad_value", "one of 'file' and 'callable'"),
        ("file: m.onnx", "callable: b.c", "bad_value", "pattern"),
        ("file: m.onnx", "file: a\nfile: b", "repeated_key", "written twice"),
        ("name: x, ", "", "missing_key", "'inputs.0.name' is missing"),
        ("kind: columns", "kind: images", "bad_value", "'inputs.0'"),
        ("  activation: softmax\n", "", "bad_value", "say the 'activation'"),
        ("softmax", "none", "bad_value", "say the 'score_kind'"),
        ("softmax", "softmax\n  score_kind: rank", "bad_value", "are probabilities"),
        ("softmax", "softmax\n  threshold: 0.5", "bad_value", "stands in the plan"),
        ("positive: 1", "positive: 2", "bad_value", "not a place"),
        ("positive: 1", "positive: ill", "bad_value", "none of the classes 0, 1"),
        ("  classes: [0, 1]\n  positive: 1", "  positive: ill", "bad_value", "needs 'classes'"),
        ("softmax", "sigmoid\n  kind: masks", "bad_value", "say the 'threshold'"),
        ("softmax", "softmax\n  kind: masks", "bad_value", "likeliest class"),
        ("softmax", "none\n  kind: images", "bad_value", "images have no classes"),
        ("softmax", "softmax\n  grid: image", "bad_value", "for masks and images"),
        (
            "kind: columns, columns: [a, {name: b, codes: {1: 0.5, F: 2}}]",
            "kind: image",
            "bad_value",
            "say the 'preprocessing' of image 'x'",
        ),
        ("file: m.onnx", "callable: m:f", "bad_value", "a callable gets columns as they are"),
        ("file: m.onnx", "file: [", "yaml", "line 3"),
        ("file: m.onnx", "file: !!python/object/apply:os.getcwd []", "yaml", "line 1"),
    ],
)
def test_what_is_left_open_is_asked_for(old: str, new: str, code: str, told: str) -> None:
    assert old in GOOD
    (found,) = problems(GOOD.replace(old, new, 1))
    assert found[0] == code
    assert told in found[1]


def test_files_that_are_no_declaration(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("- a\n")
    (tmp_path / "latin.yaml").write_bytes("file: ü".encode("latin-1"))
    (tmp_path / "folder.yaml").mkdir()
    for name, code in (
        ("list.yaml", "not_a_model"),
        ("latin.yaml", "encoding"),
        ("folder.yaml", "unreadable"),
        ("none.yaml", "missing_file"),
    ):
        with pytest.raises(InputError) as caught:
            read_model_spec(tmp_path / name)
        assert [problem.code for problem in caught.value.problems] == [code]
