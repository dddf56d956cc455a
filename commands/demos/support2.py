"""A published model and the physicians, on the same seriously ill patients.

The outcome is death within 180 days of study entry; nobody was lost before that day. The SUPPORT
model's estimate is there for all patients but one, the physician's for about four in five, so both
are audited on the patients who have both. Who lacks a physician's estimate is told beside them,
because leaving patients out is itself something that can differ between groups.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from commands.demos import DATA, Demo, DemoAudit, copy_plan

if TYPE_CHECKING:
    import pandas as pd

HORIZON = 180  # days
SCORES = {"model": "surv6m", "physicians": "prg6m"}  # probabilities of being alive at 6 months
KEPT = ("patient", "age", "sex", "race", "income", "edu", "dzgroup", "died_180d")
AGE_EDGES = (50.0, 65.0, 80.0)


def build(out: Path) -> Demo:
    """Write predictions and plans for the model (in `out`) and the physicians (in a folder in it).

    ``missing_estimates.csv`` counts, by group, the patients without a physician's estimate.
    """
    from audit.atomic import check_writable, write_atomic

    check_writable(out)
    cohort = read_cohort()
    complete = cohort[list(SCORES.values())].notna().all(axis=1)
    table = missing_estimates(cohort)
    write_atomic(
        out / "missing_estimates.csv",
        table.to_csv(index=False, lineterminator="\n", float_format="%.4f"),
    )
    model = _audit(cohort[complete], "model", "The SUPPORT model", "support2.yaml", out)
    physicians = _audit(
        cohort[complete],
        "physicians",
        "The physicians' own estimates",
        "support2_physicians.yaml",
        out / "physicians",
    )
    return Demo((model, physicians), _notes(table, int(complete.sum())))


def read_cohort() -> "pd.DataFrame":
    """Return the shipped patients with the outcome at 180 days."""
    import pandas as pd

    cohort = pd.read_csv(DATA / "support2.csv.gz")
    died = (cohort["death"] == 1) & (cohort["d.time"] <= HORIZON)
    return cohort.assign(died_180d=died.astype("int64"))


def missing_estimates(cohort: "pd.DataFrame") -> "pd.DataFrame":
    """Count the patients without a physician's estimate, by group, with Wilson intervals."""
    import numpy as np
    import pandas as pd

    from audit.dimensions import band_labels
    from audit.stats.proportions import wilson

    missing = cohort[SCORES["physicians"]].isna()
    groups = [("overall", "overall", pd.Series(True, index=cohort.index))]
    for attribute in ("sex", "race", "income"):
        values = cohort[attribute].fillna("(missing)")
        groups += [(attribute, level, values == level) for level in sorted(values.unique())]
    band = np.digitize(cohort["age"], AGE_EDGES)
    for place, label in enumerate(band_labels(AGE_EDGES)):
        groups.append(("age", label, pd.Series(band == place, index=cohort.index)))
    table = pd.DataFrame(
        [(name, level, int(rows.sum()), int(missing[rows].sum())) for name, level, rows in groups],
        columns=["attribute", "level", "patients", "without_estimate"],
    )
    lower, upper = wilson(table["without_estimate"].to_numpy(), table["patients"].to_numpy())
    share = table["without_estimate"] / table["patients"]
    return table.assign(share=share, lower=lower, upper=upper)


def _audit(patients: "pd.DataFrame", who: str, title: str, plan: str, out: Path) -> DemoAudit:
    from audit.atomic import atomic_path

    predictions = patients[list(KEPT)].assign(p=1 - patients[SCORES[who]])
    path = out / "predictions.parquet"
    with atomic_path(path) as temporary:
        predictions.to_parquet(temporary, index=False)
    return DemoAudit(title, copy_plan(plan, out / "equipoise.yaml"), path, None, out)


def _notes(table: "pd.DataFrame", audited: int) -> tuple[str, ...]:
    """Say how many are left out, and in which groups most and fewest."""

    def told(row: "pd.Series[float]") -> str:
        interval = f"95% interval {row['lower']:.1%} to {row['upper']:.1%}"
        return f"{row['level']} {row['share']:.1%} ({interval}, {row['patients']:,} patients)"

    everyone = table.iloc[0]
    left_out = everyone["without_estimate"]
    notes = [
        f"{audited:,} of {everyone['patients']:,} patients have both estimates and are audited; "
        f"{left_out:,} ({everyone['share']:.1%}) lack the physician's"
    ]
    for attribute, rows in table.iloc[1:].groupby("attribute", sort=False):
        ordered = rows.sort_values("share", kind="stable")
        most, fewest = told(ordered.iloc[-1]), told(ordered.iloc[0])
        notes.append(f"without it, by {attribute}: most {most}, fewest {fewest}")
    return tuple(notes)
