"""How long the demo takes once installed. Target: under 60 s, first run included."""

import subprocess
import sys
import tempfile
import time


def main() -> None:
    """Run the demo twice: the first run may still compile."""
    with tempfile.TemporaryDirectory() as folder:
        for run in ("first", "second"):
            start = time.perf_counter()
            command = [sys.executable, "-m", "cli", "demo", "--out", f"{folder}/{run}", "--quiet"]
            subprocess.run(command, check=True, capture_output=True)
            print(f"equipoise demo, {run} run  {time.perf_counter() - start:.1f} s (target 60)")


if __name__ == "__main__":
    main()
