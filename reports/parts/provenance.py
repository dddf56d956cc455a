"""Provenance, how to reproduce the result, and its limitations."""

from reports.blocks import Block, Bullets, Cell, Column, Facts, Group, Row, Table
from reports.format import count, plural
from reports.parts.front import as_of
from reports.parts.index import Index


def blocks(index: Index) -> list[Block]:
    """Make the section."""
    p = index.result.provenance
    pairs = (
        ("Tool", f"{p.tool} {p.tool_version}"),
        ("As of", as_of(index.result)),
        ("Schema of audit.json", index.result.schema_version),
        ("Seed", str(p.seed)),
        ("Resamples", count(p.resamples)),
        ("Plan, SHA-256", p.plan_sha256),
    )
    return [
        Facts(pairs, "What produced this result"),
        _files(index),
        *_model(index),
        Facts(tuple(sorted(p.versions.items())), "Versions of the software"),
        Bullets(
            (
                f"With the files above and the same versions, run: {p.command}",
                "The same data, plan, seed and versions give the same audit.json, byte for byte.",
                "In the PDF, audit.json, the plan and manifest.json (SHA-256 of every attachment) "
                "are attached to the document.",
            ),
            "To reproduce it:",
        ),
    ]


def _model(index: Index) -> list[Block]:
    """What the predictions file says of the model that made it."""
    known = index.result.provenance.predicted_by
    if not known:
        return []
    pairs = [
        ("Model file", str(known.get("name", ""))),
        ("Format", " ".join(str(known.get(k) or "") for k in ("format", "library")).strip()),
        ("SHA-256", str(known.get("sha256", ""))),
        ("Device", str(known.get("device", ""))),
    ]
    if known.get("parameters") is not None:
        pairs.append(("Fitted numbers", count(int(known["parameters"]))))
    if known.get("flops") is not None:
        pairs.append(("Operations per unit", count(int(known["flops"]))))
    same = known.get("deterministic")
    again = "the same, bit by bit" if same else "the same but for rounding"
    pairs.append(("Asked twice", "not checked" if same is None else again))
    for taken in known.get("takes") or ():
        steps = [
            str(step.get("step")) for step in (taken.get("preprocessing") or {}).get("steps", ())
        ]
        shape = taken.get("shape")
        size = " x ".join("any" if n is None else str(n) for n in shape) if shape else "as read"
        text = f"{taken.get('kind')}, {size}" + (f"; {', '.join(steps)}" if steps else "")
        pairs.append((f"Input {taken.get('name')}", text))
    return [Facts(tuple(pairs), "The model, as the predictions file tells of it")]


def _files(index: Index) -> Table:
    p = index.result.provenance
    files = [("data", f) for f in p.data] + ([("model", p.model)] if p.model else [])
    rows = tuple(
        Row((Cell(f.name), Cell(role), Cell(count(f.bytes), sort=f.bytes),
             Cell(f.sha256, kind="code")))
        for role, f in files
    )  # fmt: skip
    columns = (
        Column("File", "text", 25),
        Column("Role", "text", 7),
        Column("Bytes", "count", 10),
        Column("SHA-256", "text", 58),
    )
    named = p.model or p.predicted_by
    note = "" if named else "No model file was named in the plan; only its scores were audited."
    return Table("files", "Files that went in", columns, (Group("", rows),), note)


def limitations(index: Index) -> list[Block]:
    """Say what the audit does not show."""
    c = index.result.cohort
    items = [
        "The audit describes this model on this cohort. It does not show how the model performs on "
        "populations, sites or times that the cohort does not hold.",
        "It measures and documents. Whether a difference is acceptable, and whether an obligation "
        "is fulfilled, is for the persons who sign to judge.",
        "Groups may differ in case-mix, in how the label was made and in how data were recorded; a "
        "difference between groups does not by itself say what causes it.",
        "The label is taken as true. Errors in it that differ between groups move every measure"
        + (", within the bounds given above." if index.result.bounds.label_error else "."),
    ]
    if c.threshold is not None and c.threshold.source == "tuned_here":
        items.append("The threshold was tuned on these data: measures at it are optimistic.")
    if not c.patients_declared:
        items.append("Patients were not identified: repeated patients would make the intervals "
                     "too narrow.")  # fmt: skip
    d = index.result.disclosure
    if d is not None:
        items.append(
            f"This is a shared result: counts of 1 to {d.min_cell - 1} people, and whatever they "
            "could be worked out from, are withheld. Left out entirely: "
            f"{plural(d.strata_suppressed, 'stratum', 'strata')}."
        )
    if c.missing_label or c.missing_score:
        items.append(f"{count(c.missing_label)} rows without label and {count(c.missing_score)} "
                     "without score were left out; if they are not missing at random the results "
                     "are biased.")  # fmt: skip
    missing = [a.name for a in index.attributes if a.missing]
    if missing:
        items.append(f"Values of {', '.join(missing)} are missing for some rows; those rows form "
                     "the level (missing) and may belong to any other.")  # fmt: skip
    if any(len(s.attributes) > 1 for s in c.strata):
        items.append("Many contrasts were looked at. Those not declared as primary are screening "
                     "and need confirmation on other data.")  # fmt: skip
    return [Bullets(tuple(items))]
