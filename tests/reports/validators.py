"""The two independent validators that every dossier has to pass."""

import importlib
import os
from pathlib import Path
from typing import Any

import pytest

PROFILES = ("PDF_A_3A", "PDF_UA_1")


def needs(module: str) -> Any:
    """Import an optional tool: a visible skip at a desk, a failure where everything is there."""
    try:
        return importlib.import_module(module)
    except ImportError:
        if os.environ.get("CI"):
            pytest.fail(f"{module} is not installed")
        pytest.skip(f"{module} is not installed")


def assert_conforms(pdf: bytes, folder: Path) -> None:
    """Hold a PDF against PDF/A-3a and PDF/UA-1, in both tools, without a single finding."""
    page = needs("page")
    for profile in PROFILES:
        report = page.validate_pdf_bytes(pdf, profile=getattr(page.ValidationProfile, profile))
        assert report.is_compliant, (profile, [f.message for f in report.failures])
    outloud = needs("outloud")
    path = folder / "dossier.pdf"
    path.write_bytes(pdf)
    result = outloud.check(str(path))
    assert result.error is None
    assert result.verdict == "pass", [(f.rule, f.message) for f in result.findings]
