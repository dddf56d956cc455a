"""``equipoise audit``: predictions and a plan (or flags) in, audit.json and report.html out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from audit.problems import InputError, Problem, nearest

KEPT = ".measured"  # cases that are measured are kept there until the audit is written


@dataclass(frozen=True)
class Flags:
    """What the command line says in place of a plan; None or empty where it says nothing."""

    task: str | None = None
    label: str | None = None
    labels: tuple[str, ...] = ()
    positive: str | None = None
    score: str | None = None
    scores: tuple[str, ...] = ()
    prediction: str | None = None
    time: str | None = None
    horizon: float | None = None
    data_range: float | None = None
    score_kind: str | None = None
    threshold: float | None = None
    threshold_source: str | None = None
    top_k: int | None = None
    by: tuple[str, ...] = ()
    band: tuple[str, ...] = ()
    reference: tuple[str, ...] = ()
    site: str | None = None
    patient: str | None = None
    unit: str | None = None
    covariate: tuple[str, ...] = ()
    depth: int | None = None
    level: float | None = None
    resamples: int | None = None
    seed: int | None = None
    measure: tuple[str, ...] = ()
    interval: tuple[str, ...] = ()
    permutations: int | None = None
    standardise: tuple[str, ...] = ()
    target_prevalence: float | None = None
    as_of: str | None = None

    def given(self) -> list[str]:
        """Names of the flags that were given."""
        return [
            f"--{f.name.replace('_', '-')}"
            for f in fields(self)
            if getattr(self, f.name) not in (None, ())
        ]


def run_audit(
    predictions: Sequence[Path],
    plan_path: Path | None,
    flags: Flags,
    *,
    model: Path | None,
    out: Path,
    quiet: bool,
    share: bool = False,
    min_cell: int | None = None,
    waivers: Path | None = None,
) -> str:
    """Audit, write the results and return the summary for the terminal.

    With `share`, everything that is written or returned withholds small cells. `waivers` names a
    file of them; they are held on the plan's date, else on that of the build or today.
    """
    from shutil import rmtree
    from threading import Thread

    from audit.atomic import check_writable

    check_sharing(share, min_cell)
    plan, plan_text, name = _plan(plan_path, flags)
    given = _waivers(waivers)
    _check_shareable(plan, share)
    paths = list(predictions) or _planned_data(plan, plan_path)
    check_writable(out)
    Thread(target=_prepare, daemon=True).start()
    more = [*sharing_flags(share, min_cell), *(["--waivers", waivers.name] if waivers else [])]
    command = _command(paths, plan_path, flags, more)
    chosen = model or _planned_model(plan, plan_path)
    result, kept = audited(
        paths, plan, plan_path, command, model=chosen, out=out, quiet=quiet, name=name
    )
    full = result
    if share:
        from audit.yaml_file import without_comments

        plan_text = without_comments(plan_text)  # `equipoise init` counts missing values there
        result = shared_result(result, min_cell, plan=(plan_text, name))
    if given is not None:
        result = _waived(result, full, given, plan, str(waivers))
    text = write_result(result, out, plan_text, keep_plan=plan_path is None)
    if kept is not None:
        rmtree(kept, ignore_errors=True)
    return text


def _waivers(path: Path | None) -> Any:
    if path is None:
        return None
    from audit.waivers import read_waivers

    return read_waivers(path)


def _waived(result: Any, full: Any, waivers: Any, plan: Any, name: str) -> Any:
    """Apply waivers; refused where their words tell what a shared result withholds."""
    from audit.waivers import apply_waivers
    from commands.dates import date_of
    from commands.sharing import refuse_told_of

    if result is not full:
        refuse_told_of(waivers, name, result, full)
    return apply_waivers(result, waivers, date_of(plan.as_of))


def audited(
    paths: Sequence[Path],
    plan: Any,
    plan_path: Path | None,
    command: str,
    *,
    model: Path | None,
    out: Path,
    quiet: bool,
    name: str = "plan",
) -> tuple[Any, Path | None]:
    """Audit files by a plan; also the folder in which cases that are done are kept, if any."""
    from audit.cohort import needed_columns
    from audit.lock import held_against_lock, refuse_tampered
    from audit.prediction.record import model_of
    from audit.sources.files import read_files
    from audit.tasks.read import build_any_cohort
    from audit.tasks.run import audit_any
    from commands.progress import progress_line

    refuse_tampered(plan_path)
    source = read_files(paths, needed_columns(plan))
    with progress_line("measuring", quiet=quiet) as progress:
        place = _place(plan, plan_path, paths, out, progress)
        cohort = build_any_cohort(source, plan, place)
    with progress_line("auditing", quiet=quiet) as progress:
        result = audit_any(
            cohort,
            plan,
            model=_model_hash(model),
            command=command,
            plan_name=name,
            progress=progress,
        )
    lock = held_against_lock(plan_path, plan, source)
    if lock is not None:
        result = result.model_copy(update={"lock": lock})
    known = model_of(paths[0]) if len(paths) == 1 else None
    if known is not None:
        origin = result.provenance.model_copy(update={"predicted_by": known})
        result = result.model_copy(update={"provenance": origin})
    return result, place.keep


def _place(
    plan: Any, plan_path: Path | None, paths: Sequence[Path], out: Path, progress: Any
) -> Any:
    """Where the files are that the table names, and where cases that are done are kept.

    Detections lie beside the plan, images beside the table that names them.
    """
    from audit.cases.pairs import Place

    beside = paths[0].parent if plan_path is None else plan_path.parent
    if plan.images:
        return Place(beside / plan.images, out / KEPT, progress)
    folder = beside if plan.task == "detection" else paths[0].parent
    return Place(folder, out / KEPT if plan.task in ("segmentation", "image") else None, progress)


def _prepare() -> None:
    """Load and compile what is needed later, while the files are read and the kernels run."""
    from audit.warm_up import warm_up

    warm_up()

    from reports.html import prepare

    prepare()


def shared_result(
    result: Any,
    min_cell: int | None,
    also: Collection[str] = (),
    plan: tuple[str, str] | None = None,
) -> Any:
    """Withhold small cells everywhere in a result, and these strata in any case.

    `plan` is the text of its plan, to be shown with it, and how problems call it.

    Raises
    ------
    InputError
        When words of people in it tell what is withheld.
    """
    from audit.disclosure import MIN_CELL, shareable
    from checklists.shared_texts import told_in_file, told_in_result, without_told
    from checklists.withheld import Withheld

    made = shareable(result, MIN_CELL if min_cell is None else min_cell, also)
    withheld = Withheld(((result, made),))
    problems = [*told_in_file(*plan, withheld)] if plan is not None else []
    problems = problems or [*told_in_result(result, "the audit", withheld)]
    if problems:
        raise InputError(problems)
    return without_told(made, withheld)


def write_result(result: Any, out: Path, plan_text: str, *, keep_plan: bool) -> str:
    """Write what leaves the audit and return the summary of it."""
    from audit.atomic import write_atomic
    from reports.gate.summary import summary_text
    from reports.html import render_html
    from reports.papers import Papers

    text = result.to_json()
    page = render_html(Papers(result, text.encode(), plan_text))
    if keep_plan:
        write_atomic(out / "equipoise.yaml", plan_text)
    write_atomic(out / "audit.json", text)
    write_atomic(out / "report.html", page)
    return f"{summary_text(result)}\nwrote {out / 'audit.json'} and {out / 'report.html'}"


def check_sharing(share: bool, min_cell: int | None) -> None:
    """Refuse a smallest cell that would do nothing."""
    if min_cell is None:
        return
    if not share:
        reason, remedy = "--min-cell has no meaning without --share", "add --share"
        raise InputError(Problem("bad_flag", "command line", reason, remedy))
    if min_cell < 2:
        reason = f"--min-cell {min_cell}: below 2 no cell would be withheld"
        raise InputError(Problem("bad_flag", "command line", reason, "give 2 or more, as 11"))


def _check_shareable(plan: Any, share: bool) -> None:
    """Refuse to share what the disclosure rule is not worked out for."""
    if share and plan.task != "binary":
        reason = f"--share withholds small cells for task binary only, not for {plan.task}"
        remedy = "keep this result inside, or share one binary audit for each class or label"
        raise InputError(Problem("not_shareable", "command line", reason, remedy))


def sharing_flags(share: bool, min_cell: int | None) -> list[str]:
    """Return the flags of sharing, for the record of the command."""
    return ["--share"] * share + ([] if min_cell is None else ["--min-cell", str(min_cell)])


def _plan(plan_path: Path | None, flags: Flags) -> tuple[Any, str, str]:
    """The plan, its text and how problems call it."""
    from audit.plan_file import parse_plan, read_plan

    if plan_path is None:
        text = plan_text_of(flags)
        return parse_plan(text, "command line"), text, "command line"
    given = flags.given()
    if given:
        reason = f"{', '.join(given)} cannot be used with --plan"
        raise InputError(
            Problem("plan_and_flags", "command line", reason, f"write it in {plan_path} instead")
        )
    plan = read_plan(plan_path)
    return plan, plan_path.read_text(encoding="utf-8"), str(plan_path)


def plan_text_of(flags: Flags) -> str:
    """Write flags as plan text, so that both ways to a plan are one.

    Raises InputError when a flag that every audit needs is absent, or one cannot be read.
    """
    import yaml

    problems: list[Problem] = []
    for needed, ok in (
        ("--label", flags.label or flags.labels),
        ("--score", flags.score or flags.prediction or flags.scores),
    ):
        if not ok:
            remedy = f"give {needed}, or --plan (write one with `equipoise init`)"
            problems.append(Problem("missing_flag", "command line", f"{needed} is missing", remedy))
    attributes: dict[str, dict[str, Any]] = {name: {} for name in flags.by}
    for text in flags.band:
        name, edges = _split("--band", text, "--band age=40,65,80", problems)
        attributes.setdefault(name, {})["band"] = _edges(text, edges, problems)
    for text in flags.reference:
        name, level = _split("--reference", text, "--reference sex=M", problems)
        if name not in attributes and name != flags.site:
            reason = f"--reference {text}: '{name}' is not an attribute of this audit"
            remedy = nearest(name, [*attributes, *filter(None, [flags.site])])
            problems.append(Problem("unknown_attribute", "command line", reason, remedy))
        attributes.setdefault(name, {})["reference"] = level
    outputs = {
        role: _columns_of(f"--{role}", getattr(flags, role), problems)
        for role in ("labels", "scores")
    }
    intervals = dict(
        _split("--interval", text, "--interval sensitivity=jeffreys", problems)
        for text in flags.interval
    )
    if problems:
        raise InputError(problems)
    plan = _plan_dict(flags, attributes, outputs)
    if intervals:
        plan["intervals"] = intervals
    return yaml.safe_dump(plan, sort_keys=False, allow_unicode=True)


def _columns_of(flag: str, texts: Sequence[str], problems: list[Problem]) -> dict[str, str]:
    """Read the column of every class or label: ``--scores melanoma=p_melanoma``."""
    found: dict[str, str] = {}
    for text in texts:
        name, column = _split(flag, text, f"{flag} melanoma=column", problems)
        if name in found:
            reason = f"{flag} {text}: '{name}' was given before"
            problems.append(Problem("bad_flag", "command line", reason, "give it once"))
        found[name] = column
    return found


def _plan_dict(
    flags: Flags, attributes: dict[str, dict[str, Any]], outputs: dict[str, dict[str, str]]
) -> dict[str, Any]:
    roles = ("label", "score", "prediction", "time", "patient", "site", "unit")
    columns: dict[str, Any] = {r: getattr(flags, r) for r in roles if getattr(flags, r) is not None}
    columns |= {role: named for role, named in outputs.items() if named}
    if flags.covariate:
        columns["covariates"] = list(flags.covariate)
    plan: dict[str, Any] = {"version": 1, "columns": columns}
    options = {name: getattr(flags, name) for name in ("top_k", "target_prevalence")}
    if any(value is not None for value in options.values()):
        plan["options"] = {name: value for name, value in options.items() if value is not None}
    if flags.horizon is not None:
        plan["survival"] = {"horizon": flags.horizon}
    if flags.data_range is not None:
        plan["image"] = {"data_range": flags.data_range}
    if flags.measure:
        plan["measures"] = list(flags.measure)
    if flags.standardise:
        plan["standardise"] = list(flags.standardise)
    plain = (
        "task", "positive", "score_kind", "depth", "level", "resamples", "seed", "permutations",
        "as_of",
    )  # fmt: skip
    plan |= {name: getattr(flags, name) for name in plain if getattr(flags, name) is not None}
    if flags.threshold is not None:
        plan["threshold"] = {"value": flags.threshold, "source": flags.threshold_source or "fixed"}
    if attributes:
        plan["attributes"] = attributes
    return plan


def _split(flag: str, text: str, example: str, problems: list[Problem]) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        reason = f"{flag} {text}: not of the form NAME=VALUE"
        problems.append(Problem("bad_flag", "command line", reason, f"write {example}"))
    return name, value


def _edges(text: str, edges: str, problems: list[Problem]) -> list[float]:
    try:
        return [float(edge) for edge in edges.split(",") if edge.strip()]
    except ValueError:
        reason = f"--band {text}: the edges are not numbers"
        problems.append(Problem("bad_flag", "command line", reason, "write --band age=40,65,80"))
        return []


def _planned_data(plan: Any, plan_path: Path | None) -> list[Path]:
    if plan_path is None or not plan.data:
        remedy = "name the files, or set 'data' in the plan"
        raise InputError(
            Problem("no_data", "command line", "no predictions file was given", remedy)
        )
    return [plan_path.parent / name for name in plan.data]


def _planned_model(plan: Any, plan_path: Path | None) -> Path | None:
    if plan_path is None or plan.product.model is None:
        return None
    path: Path = plan_path.parent / plan.product.model
    return path


def _model_hash(path: Path | None) -> Any:
    from audit.provenance import file_hash

    return None if path is None else file_hash(path)


def _command(
    paths: Sequence[Path], plan_path: Path | None, flags: Flags, more: Sequence[str]
) -> str:
    """The call that repeats the audit, with file names but no folders."""
    import shlex

    words = ["equipoise", "audit", *sorted(p.name for p in paths)]
    if plan_path is not None:
        words += ["--plan", plan_path.name]
    for f in fields(flags):
        value = getattr(flags, f.name)
        for one in value if isinstance(value, tuple) else (value,):
            if one is not None:
                words += [f"--{f.name.replace('_', '-')}", f"{one}"]
    return shlex.join([*words, *more])
