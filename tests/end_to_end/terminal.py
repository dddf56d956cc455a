"""Drive a program in a real terminal emulator: keys in, and what stands on the screen out."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

import pytest

COLUMNS, LINES = 110, 50
PATIENCE_S = 20.0
# Tells the exit code on the screen; the trap leaves Ctrl-C to the program.
SHELL = "trap : INT; \"$@\"; printf '\\n[ended with %s]\\n' $?"


def need_tmux() -> None:
    """Skip where there is no terminal emulator; fail where one has to be."""
    if shutil.which("tmux"):
        return
    reason = "tmux is not installed, so no terminal can be driven"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class Terminal:
    """One program in one terminal of a fixed size, on a tmux server of its own.

    `see` waits for text that comes after what was seen before, so that the same words from an
    earlier question are not taken for an answer to the last keys. White space counts as one space:
    where a line breaks is not looked at.
    """

    def __init__(
        self, words: Sequence[str | Path], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self._socket = f"equipoise-{uuid4().hex}"
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("TMUX")
        } | dict(environment)
        self._seen = 0
        size = ["-x", str(COLUMNS), "-y", str(LINES)]
        settings = {"status": "off", "remain-on-exit": "on", "history-limit": "20000"}
        before = [part for item in settings.items() for part in ("set", "-g", *item, ";")]
        program = ["sh", "-c", SHELL, "sh", *map(str, words)]
        self._tmux("start", ";", *before, "new", "-d", *size, "-c", str(folder), "--", *program)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def type(self, text: str) -> None:
        """Type text as it is, without Enter."""
        self._tmux("send-keys", "-l", "--", text)

    def press(self, *keys: str) -> None:
        """Press keys by their names: Enter, C-c."""
        self._tmux("send-keys", *keys)

    def say(self, text: str = "") -> None:
        """Type a line and press Enter."""
        if text:
            self.type(text)
        self.press("Enter")

    def answer(self, prompt: str, text: str = "") -> str:
        """Wait for a prompt, then type a line; return what stood before the prompt."""
        before = self.see(prompt)
        self.say(text)
        return before

    def see(self, text: str, within_s: float = PATIENCE_S) -> str:
        """Wait until text comes after what was seen so far; return what came up to its end."""
        wanted = " ".join(text.split())
        end = time.monotonic() + within_s
        while True:
            shown = self.shown()
            place = shown.find(wanted, self._seen)
            if place >= 0:
                start, self._seen = self._seen, place + len(wanted)
                return shown[start : self._seen]
            if time.monotonic() > end:
                raise AssertionError(f"'{wanted}' did not come after:\n{self._captured()}")
            time.sleep(0.02)

    def shown(self) -> str:
        """Everything shown since the start, with every run of white space as one space."""
        return " ".join(self._captured().split())

    def ended(self) -> int:
        """Wait until the program ends; return its exit code."""
        self.see("[ended with")
        return int(self.see("]")[:-1])

    def close(self) -> None:
        """End the program and its terminal."""
        self._tmux("kill-server", check=False)

    def _captured(self) -> str:
        return self._tmux("capture-pane", "-p", "-J", "-S", "-").rstrip()

    def _tmux(self, *words: str, check: bool = True) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-L", self._socket, "-f", os.devnull, *words],
            env=self._environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=PATIENCE_S,
        )
        if check and done.returncode:
            raise AssertionError(f"tmux {words[0]}: {done.stderr.strip()}")
        return done.stdout
