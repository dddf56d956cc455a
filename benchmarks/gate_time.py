"""How long a build waits: audit and gate of 100,000 rows from process start to exit, and the hooks.

Targets: audit and gate of ten requirements within 8 s, each hook within 1 s once it is warm.
"""

import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.cohorts import write
from benchmarks.help_time import seconds

ROWS, RUNS = 100_000, 3
EXAMPLE = Path(__file__).parents[1] / "examples" / "ci"
PLAN = """
data: {data}
columns: {{label: y, score: p, patient: pid, site: hospital}}
threshold: {{value: 0.2}}
attributes: {{sex: , race: , age_band: }}
measures: [auroc, sensitivity, specificity, ppv, flag_rate, brier, oe_ratio, calibration_slope]
requirements:
  - {{id: auroc, measure: auroc, floor: 0.6}}
  - {{id: auroc-site, measure: auroc, strata: hospital, floor: 0.5}}
  - {{id: sensitivity, measure: sensitivity, floor: 0.2, strata: [overall, sex, race]}}
  - {{id: specificity, measure: specificity, floor: 0.5, strata: [overall, age_band]}}
  - {{id: oe, measure: oe_ratio, within: [0.5, 2], strata: race}}
  - {{id: gap-sex, measure: sensitivity, contrast: gap, attribute: sex, margin: 0.1}}
  - {{id: gap-race, measure: sensitivity, contrast: gap, attribute: race, margin: 0.3}}
  - {{id: gap-age, measure: flag_rate, contrast: gap, attribute: age_band, margin: 0.1}}
  - {{id: difference, measure: auroc, contrast: difference, attribute: sex, margin: 0.1}}
  - {{id: ratio, measure: flag_rate, contrast: ratio, attribute: sex, margin: 0.8}}
"""


def equipoise(*words: str | Path) -> list[str]:
    """The command line of a new process."""
    return [sys.executable, "-m", "cli", *map(str, words)]


def audited(folder: Path) -> float:
    """Seconds of audit and gate, each a process of its own."""
    plan, out = folder / "equipoise.yaml", folder / "out"
    plan.write_text(PLAN.format(data=write(ROWS, folder).name), "utf-8")
    audit = seconds(equipoise("audit", "--plan", plan, "--out", out, "--quiet"))
    return audit + gated(out)


def gated(out: Path) -> float:
    """Seconds of the gate with reports for a build server, whatever it decides."""
    words = ("--format", f"junit={out}/gate.xml", "--format", f"sarif={out}/gate.sarif")
    call = equipoise("gate", out / "audit.json", *words)
    code = (
        "import subprocess, sys\n"
        "sys.exit(0 if subprocess.run(sys.argv[1:], capture_output=True).returncode in (0, 1, 3) "
        "else 1)"
    )
    return seconds([sys.executable, "-c", code, *call])


def main() -> None:
    """Time the build and the hooks."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        audited(folder)  # compiles what is compiled once
        build = median(audited(folder) for _ in range(RUNS))
        print(f"audit and gate, {ROWS:,} rows   {build:.2f} s (median of {RUNS}; target 8)")
        answers = folder / "answers.yaml"
        answers.write_text("version: 1\nanswers: {}\n", "utf-8")
        demo = EXAMPLE.parents[1] / "commands" / "demos" / "heart.yaml"
        lint = equipoise("lint", EXAMPLE / "equipoise.yaml", "--as-of", "2027-01-01")
        checklist = equipoise("checklist", "lint", "--profile", demo, "--answers", answers)
        for title, call in (("equipoise lint", lint), ("equipoise checklist lint", checklist)):
            seconds(call)
            taken = median(seconds(call) for _ in range(2 * RUNS + 1))
            print(f"{title:<28} {taken:.2f} s (target 1)")


if __name__ == "__main__":
    main()
