"""How long the instruments take to load, beside PyYAML with jsonschema on the same files.

Target: load and validate all of them, and hold them against each other, in under 0.3 s; `checklist
lint` from start to exit in under 1 s.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

RUNS = 7
OURS = """
import sys, time
from pathlib import Path
start = time.perf_counter()
import checklists.catalogue
imported = time.perf_counter()
if sys.argv[1] == "texts":  # as after an edit
    checklists.catalogue.KEPT = Path(sys.executable) / "nowhere"
catalogue = checklists.catalogue.load_catalogue()
catalogue.mapped
print(time.perf_counter() - imported, imported - start, len(catalogue.items))
"""
THEIRS = """
import json, sys, time
import jsonschema, yaml
from checklists.catalogue import FOLDER
schema = json.loads(sys.argv[1])
start = time.perf_counter()
check = jsonschema.Draft202012Validator(schema)
for path in sorted(FOLDER.glob("*.yaml")):
    record = yaml.load(path.read_text("utf-8"), yaml.SafeLoader)
    check.validate(json.loads(json.dumps(record, default=str)))
print(time.perf_counter() - start)
"""


def ran(code: str, *words: str) -> list[float]:
    """The numbers that a program prints."""
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()]


def linted(folder: Path) -> float:
    """Seconds from start to exit of the hook on a profile without answers."""
    command = [sys.executable, "-m", "cli", "checklist", "lint"]
    files = ["--profile", folder / "equipoise.yaml", "--answers", folder / "answers.yaml"]
    start = time.perf_counter()
    subprocess.run([*command, *map(str, files)], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Time both in turn, in fresh processes, so that nothing is cached."""
    from commands.schema import run_schema

    schema = json.dumps(json.loads(run_schema("instrument")))
    kept, texts, theirs, imports, hook, items = [], [], [], [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder, "equipoise.yaml")
        profile.write_text("profile:\n  role: [provider]\n", "utf-8")
        for _ in range(RUNS):
            seconds, imported, count = ran(OURS, "kept")
            kept.append(seconds)
            imports.append(imported)
            items = int(count)
            texts.append(ran(OURS, "texts")[0])
            theirs += ran(THEIRS, schema)
            hook.append(linted(Path(folder)))
    print(f"{items} items, load and validate  {median(texts):.3f} s (target 0.3)")
    print(f"the same, from what is kept  {median(kept):.3f} s")
    print(f"imports before it            {median(imports):.3f} s")
    print(f"PyYAML and jsonschema        {median(theirs):.3f} s, not held against each other")
    print(f"checklist lint, all in all   {median(hook):.3f} s (target 1)")


if __name__ == "__main__":
    main()
