"""Without a browser these tests are skipped at a desk, and fail where everything has to be."""

import shutil

import pytest

from tests.browser import conftest


@pytest.fixture
def no_browser(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    return monkeypatch


def test_a_missing_browser_is_a_visible_skip(no_browser: pytest.MonkeyPatch) -> None:
    no_browser.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"):
        conftest.program()


def test_a_missing_browser_fails_where_all_is_installed(no_browser: pytest.MonkeyPatch) -> None:
    no_browser.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no Chromium"):
        conftest.program()
