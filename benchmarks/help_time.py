"""How long `equipoise --help` takes beside the help of a bare Typer application.

Target: at most 1.3 times, and none of the heavy libraries imported.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

RUNS = 15
HEAVY = ("numpy", "pandas", "scipy", "sklearn", "torch", "weasyprint", "pyarrow", "numba")
BARE = """
import typer
app = typer.Typer(help="Nothing.")
@app.command()
def one(name: str = "x") -> None:
    "One."
@app.command()
def two(name: str = "x") -> None:
    "Two."
app()
"""


def seconds(command: list[str]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def imported() -> list[str]:
    """Heavy libraries that the help imports."""
    code = (
        "import sys; sys.argv = ['equipoise', '--help']\n"
        "import cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        f"print('|'.join(m for m in {HEAVY!r} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return [name for name in done.stdout.splitlines()[-1].split("|") if name]


def main() -> None:
    """Time both in turn, so that a busy machine slows both."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE, encoding="utf-8")
        ours = [sys.executable, "-m", "cli", "--help"]
        theirs = [sys.executable, str(bare), "--help"]
        for command in (ours, theirs):
            seconds(command)
        pairs = [(seconds(ours), seconds(theirs)) for _ in range(RUNS)]
    ratio = median(a / b for a, b in pairs)
    print(f"equipoise --help   {median(a for a, _ in pairs):.3f} s (median of {RUNS})")
    print(f"bare Typer --help  {median(b for _, b in pairs):.3f} s")
    print(f"ratio              {ratio:.2f}  (target 1.3)")
    print(f"heavy imports      {', '.join(imported()) or 'none'}")


if __name__ == "__main__":
    main()
