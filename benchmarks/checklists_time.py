"""How long the instruments take to load, beside PyYAML with jsonschema on the same files.

Target: load and validate all of them, and hold them against each other, in under 0.3 s.
"""

import json
import subprocess
import sys
from statistics import median

RUNS = 7
OURS = """
import time
start = time.perf_counter()
from checklists.catalogue import load_catalogue
imported = time.perf_counter()
catalogue = load_catalogue()
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


def main() -> None:
    """Time both in turn, in fresh processes, so that nothing is cached."""
    from commands.schema import run_schema

    schema = json.dumps(json.loads(run_schema("instrument")))
    ours, theirs, imports, items = [], [], [], 0
    for _ in range(RUNS):
        seconds, imported, count = ran(OURS)
        ours.append(seconds)
        imports.append(imported)
        items = int(count)
        theirs += ran(THEIRS, schema)
    print(f"{items} items, load and validate  {median(ours):.3f} s (target 0.3)")
    print(f"imports before it            {median(imports):.3f} s")
    print(f"PyYAML and jsonschema        {median(theirs):.3f} s, not held against each other")


if __name__ == "__main__":
    main()
