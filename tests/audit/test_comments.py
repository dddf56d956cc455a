"""A YAML text without its comments holds the same values."""

from pathlib import Path

import pytest
import yaml

from audit.plan_file import parse_plan
from audit.problems import InputError
from audit.yaml_file import without_comments
from commands.init import plan_text

TEXT = """\
# head, 3 missing
version: 1 # one
title: "a # b"   # real
quoted: 'it''s # in'
plain: text#inside # yes
block: | # 4 missing
  text # kept
  more

# between
folded: >-
  kept # too
flow: {a: 1, b: [2, # 5
  3]}
"key # one": 1
long: plain text
  that goes on # gone
empty: |
"""
BARE = """\
version: 1
title: "a # b"
quoted: 'it''s # in'
plain: text#inside
block: |
  text # kept
  more

folded: >-
  kept # too
flow: {a: 1, b: [2,
  3]}
"key # one": 1
long: plain text
  that goes on
empty: |
"""


def test_comments_go_and_values_stay() -> None:
    assert without_comments(TEXT) == BARE
    assert yaml.safe_load(BARE) == yaml.safe_load(TEXT)
    assert without_comments(BARE) == BARE


@pytest.mark.parametrize("text", ["", "# alone\n", "a: 1", "a: 1 # no end", "é: ü # ß\r\nb: 2\r\n"])
def test_ends_of_lines_and_of_the_text(text: str) -> None:
    bare = without_comments(text)
    assert "#" not in bare
    assert yaml.safe_load(bare) == yaml.safe_load(text)


def test_a_plan_keeps_its_hash(tmp_path: Path) -> None:
    from audit.facts import column_facts

    (tmp_path / "p.csv").write_text("y,p,sex\n1,0.5,F\n0,0.25,\n1,0.75,M\n0,0.5,F\n", "utf-8")
    text = plan_text("p.csv", column_facts(tmp_path / "p.csv"))
    assert "1 missing" in text
    bare = without_comments(text)
    assert "missing" not in bare
    assert parse_plan(bare, "plan").sha256() == parse_plan(text, "plan").sha256()


def test_what_is_no_yaml_is_told() -> None:
    with pytest.raises(InputError):
        without_comments("a: [1\nb: 2")
