import sys

import pytest

from reports import drawing
from reports.blocks import Figure
from reports.drawing import DrawnAside

FIGURE = Figure("f", "forest", "A figure", "What it shows", {})


@pytest.mark.parametrize("program", ["/nowhere/python", "/bin/false"])
def test_where_the_process_fails_the_figures_are_drawn_here(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    monkeypatch.setattr(drawing, "_svgs", lambda figures: [f"<{f.id}>" for f in figures])
    with DrawnAside() as draw:
        assert draw([FIGURE])() == ["<f>"]
        assert not draw.worked


def test_a_process_that_is_not_needed_ends_at_once() -> None:
    with DrawnAside() as draw:
        process = draw._process
    assert process is not None
    assert process.returncode not in (None, 0)
