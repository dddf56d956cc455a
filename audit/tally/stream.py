"""A tally of files larger than memory.

The sums over patients need all rows of a patient at once, in whatever order the file has them. So
where a patient role is declared, rows are first dealt out to temporary files by a hash of the
patient; each share is then tallied on its own, and the shares are merged. Only hashes, scores and
codes are written there, in a folder that only this user can read and that is removed at the end.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from audit.cells import BLANK, NOT_A_NUMBER, NUMBER, Texts, decode, identities, whole
from audit.cohort import needed_columns
from audit.dimensions import Dimension, build_dimensions
from audit.findings import Findings
from audit.keys import text_keys
from audit.plan import Plan
from audit.problems import InputError, Problem, nearest
from audit.roles import YES_NO, read_prediction, read_score, role_conflicts
from audit.sources.source import Source
from audit.stats.mixing import splitmix64
from audit.stratum_names import MISSING
from audit.tally.batches import open_predictions
from audit.tally.bins import Bins
from audit.tally.rows import Units, tally_units
from audit.tally.tally import Tally, merge, positive_of

Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]

SHARE_BYTES = 1 << 22  # of the files: some hundred thousand rows in each share
MOST_SHARES = 512
MERGED_AT_ONCE = 16
MOST_LABELS = 1000
_NO_PATIENT = np.uint64(0x6A09E667F3BCC908)
_NO_LIMIT = 2**31


def tally_files(paths: Sequence[Path], plan: Plan, bins: Bins) -> Tally:
    """Tally predictions files without holding their rows.

    The same bytes as `audit.tally.rows.tally_of` of the whole cohort.

    Parameters
    ----------
    paths : sequence of Path
        Files, or folders of them.
    plan : Plan
        Its roles, attributes and threshold are used.
    bins : Bins
        From `audit.tally.bins.bins_for`.

    Raises
    ------
    InputError
        With every problem of the files, or of the first batch of rows that has any.
    """
    findings = Findings()
    role_conflicts(plan, findings)
    findings.raise_problems()
    predictions = open_predictions(paths, needed_columns(plan))
    shares = int(np.clip(predictions.size // SHARE_BYTES, 1, MOST_SHARES))
    reader = _Reader(plan)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="equipoise-")))
        units = _Spill(folder / "units", shares) if plan.columns.unit is not None else None
        if plan.columns.patient is None:
            tallies = _by_batch(predictions.batches(), reader, units, bins)
        else:
            rows = _Spill(folder / "rows", shares)
            tallies = _by_share(predictions.batches(), reader, units, rows, bins)
        tally = _merged(tallies)
        reader.finish()
        if units is not None:
            _require_distinct(units, str(plan.columns.unit))
    return tally


def _by_batch(
    batches: Iterator[Source], reader: "_Reader", units: "_Spill | None", bins: Bins
) -> Iterator[Tally]:
    """Every row is a sampling unit of its own: batches can be tallied as they come."""
    for source in batches:
        batch = reader.read(source)
        _keep_units(reader, source, units)
        alone = np.arange(batch.label.size)
        yield tally_units(
            Units(batch.label, batch.score, alone, batch.dimensions),
            reader.plan, bins,
        )  # fmt: skip


def _by_share(
    batches: Iterator[Source],
    reader: "_Reader",
    units: "_Spill | None",
    rows: "_Spill",
    bins: Bins,
) -> Iterator[Tally]:
    """Deal the rows out by patient, then tally each share."""
    levels: dict[str, dict[str, int]] = {}
    dimensions: tuple[Dimension, ...] = ()
    for source in batches:
        batch = reader.read(source)
        _keep_units(reader, source, units)
        patient = identities(source.table.column(reader.plan.columns.patient))
        key = np.where(patient.codes >= 0, text_keys(patient), reader.alone(len(patient.codes)))
        record = np.empty(key.size, _record(len(batch.dimensions)))
        record["key"], record["label"], record["score"] = key, batch.label, batch.score
        for place, dimension in enumerate(batch.dimensions):
            record["codes"][:, place] = _lasting(dimension, levels.setdefault(dimension.name, {}))
        rows.write(key, record)
        dimensions = batch.dimensions
    for record in rows.shares():
        if record.size:
            yield _of_share(record, dimensions, levels, reader, bins)


def _of_share(
    record: NDArray[np.void],
    dimensions: tuple[Dimension, ...],
    levels: dict[str, dict[str, int]],
    reader: "_Reader",
    bins: Bins,
) -> Tally:
    cluster = np.unique(record["key"], return_inverse=True)[1].astype(np.int64)
    built = tuple(
        _dimension(d, tuple(levels[d.name]), np.ascontiguousarray(record["codes"][:, place]))
        for place, d in enumerate(dimensions)
    )
    label, score = record["label"].copy(), record["score"].copy()
    return tally_units(Units(label, score, cluster, built), reader.plan, bins)


def _record(dimensions: int) -> np.dtype[np.void]:
    return np.dtype(
        [("key", "<u8"), ("score", "<f8"), ("label", "i1"), ("codes", "<i4", (dimensions,))]
    )


def _lasting(dimension: Dimension, known: dict[str, int]) -> NDArray[np.int32]:
    """Codes of a batch in terms of the levels of all batches so far."""
    place = [known.setdefault(level, len(known)) for level in dimension.levels]
    return np.array(place, np.int32)[dimension.codes]


def _dimension(like: Dimension, levels: tuple[str, ...], codes: NDArray[np.int32]) -> Dimension:
    return Dimension(like.name, like.column, like.role, like.edges, levels, codes, None, "none", 0)


def _merged(tallies: Iterator[Tally]) -> Tally:
    """Merge as they come, a few at a time; refuse a cohort without rows to assess."""
    held: list[Tally] = []
    for tally in tallies:
        held.append(tally)
        if len(held) == MERGED_AT_ONCE:
            held = [merge(*held)]
    if not held:
        raise InputError(
            Problem("no_rows", "data", "there are no rows", "give a file with predictions")
        )
    whole_tally = merge(*held)
    if not whole_tally.cells.key.size:
        reason = "no row has both a label and a score"
        raise InputError(Problem("nothing_to_assess", "data", reason, "check the two columns"))
    return whole_tally


@dataclass(frozen=True, eq=False)
class _Batch:
    label: NDArray[np.int8]
    score: Floats
    dimensions: tuple[Dimension, ...]


@dataclass(eq=False)
class _Reader:
    """Gives batches their roles, and remembers what only the whole of them can tell."""

    plan: Plan
    labels: set[str] = field(default_factory=set)
    levels: dict[str, set[str]] = field(default_factory=dict)
    rows: int = 0

    @property
    def positive(self) -> str:
        """The label value that means the condition."""
        return positive_of(self.plan)

    def alone(self, count: int) -> Keys:
        """Keys of so many further rows without a patient, each a patient of its own."""
        numbers = np.arange(self.rows - count, self.rows, dtype=np.uint64)
        return splitmix64(numbers ^ _NO_PATIENT)

    def read(self, source: Source) -> _Batch:
        """Read label, score and attributes of a batch; InputError with all its problems."""
        findings = Findings()
        label = self._label(source, findings)
        columns = self.plan.columns
        score = (
            read_prediction(source, columns.prediction, findings)
            if columns.prediction is not None
            else read_score(source, str(columns.score), self.plan, findings)
        )
        analysed = (label >= 0) & ~np.isnan(score)
        built = build_dimensions(source, _any_levels(self.plan), analysed, findings)
        findings.raise_problems()
        dimensions = tuple(_respelled(dimension) for dimension in built)
        for dimension in dimensions:
            self._remember(dimension)
        self.rows += label.size
        return _Batch(label, score, dimensions)

    def _remember(self, dimension: Dimension) -> None:
        seen = self.levels.setdefault(dimension.name, set())
        seen.update(dimension.levels)
        limit = self.plan.max_levels
        if len(seen - {MISSING}) > limit:
            reason = (
                f"it has more than {limit} levels: it looks like an identifier or a measurement"
            )
            remedy = "band it, leave it out, or raise max_levels in the plan"
            where = f"attribute '{dimension.name}'"
            raise InputError(Problem("too_many_levels", where, reason, remedy))

    def _label(self, source: Source, findings: Findings) -> NDArray[np.int8]:
        column = self.plan.columns.label
        texts = decode(source.table.column(column), BLANK)
        meaning = [self._meaning(value) for value in texts.values]
        for value, found in sorted(zip(texts.values, meaning, strict=True)):
            if found is None:
                rows = np.flatnonzero(texts.codes == texts.values.index(value))
                where = source.where(int(rows[0]), column)
                reason = f"'{value}' is neither 0 nor 1, true nor false{source.tail(rows)}"
                remedy = "name the positive value with --positive (plan key 'positive')"
                if value in NOT_A_NUMBER:
                    remedy = "leave the cell empty where it is not known"
                findings.problem("label_not_binary", where, reason, remedy)
        self.labels.update(texts.values)
        if len(self.labels) > MOST_LABELS:
            where, reason = f"label column '{column}'", f"it has more than {MOST_LABELS} values"
            findings.problem("label_not_binary", where, reason, "recode it to 0 and 1")
        known = [-1 if found is None else found for found in meaning]
        return np.array([*known, -1], dtype=np.int8)[texts.codes]

    def _meaning(self, value: str) -> int | None:
        if value in NOT_A_NUMBER or value.lower().lstrip("+-") in ("inf", "infinity"):
            return None
        if self.plan.positive is None:
            return YES_NO.get(value.lower())
        return int(_folded(value) == _folded(self.positive))

    def finish(self) -> None:
        """Refuse what only the whole label column can show to be wrong."""
        if self.plan.positive is None:
            return
        where = f"label column '{self.plan.columns.label}'"
        yes_no = all(value.lower() in YES_NO for value in self.labels)
        if len(self.labels) > 2 and not yes_no and all(map(NUMBER.fullmatch, self.labels)):
            reason = f"it has {len(self.labels)} numeric values, not two"
            raise InputError(Problem("label_not_binary", where, reason, "recode it to 0 and 1"))
        wanted = _folded(self.positive)
        if wanted not in map(_folded, self.labels) and not (yes_no and wanted in ("0", "1")):
            reason = f"the declared positive value '{self.positive}' is not among its values"
            remedy = nearest(self.positive, sorted(self.labels))
            raise InputError(Problem("unknown_positive", where, reason, remedy))


def _folded(value: str) -> str:
    """True and false as 1 and 0, so that a flag reads the same from any file."""
    return str(YES_NO.get(value.lower(), value))


def _any_levels(plan: Plan) -> Plan:
    """The plan without what a batch alone cannot satisfy: references and declared levels."""
    free = {"reference": None, "levels": ()}
    attributes = {name: a.model_copy(update=free) for name, a in plan.attributes.items()}
    return plan.model_copy(update={"attributes": attributes, "max_levels": _NO_LIMIT})


def _respelled(dimension: Dimension) -> Dimension:
    """Write "1.0" as 1, whatever the batch's other levels are."""
    place: dict[str, int] = {}
    codes = [place.setdefault(whole(level), len(place)) for level in dimension.levels]
    if len(codes) == 0 or dimension.edges is not None:
        return dimension
    return _dimension(dimension, tuple(place), np.array(codes, np.int32)[dimension.codes])


@dataclass(eq=False)
class _Spill:
    """Records dealt out to files by key, to be read back one share at a time."""

    folder: Path
    count: int
    kind: np.dtype[np.void] | None = None

    def write(self, key: Keys, record: NDArray[np.void]) -> None:
        """Append records to the shares of their keys."""
        self.folder.mkdir(exist_ok=True)
        self.kind = record.dtype
        share = (splitmix64(key) % np.uint64(self.count)).astype(np.int64)
        order = np.argsort(share, kind="stable")
        ends = np.searchsorted(share[order], np.arange(self.count + 1))
        for place in range(self.count):
            part = order[ends[place] : ends[place + 1]]
            if part.size:
                with (self.folder / str(place)).open("ab") as file:
                    record[part].tofile(file)

    def shares(self) -> Iterator[NDArray[np.void]]:
        """Read the shares back, each whole; a share's file goes when it was read."""
        for place in range(self.count):
            path = self.folder / str(place)
            if self.kind is not None and path.exists():
                yield np.fromfile(path, self.kind)
                path.unlink()


_UNIT = np.dtype([("key", "<u8"), ("row", "<i8")])


def _keep_units(reader: _Reader, source: Source, units: _Spill | None) -> None:
    if units is None:
        return
    texts: Texts = identities(source.table.column(reader.plan.columns.unit))
    known = np.flatnonzero(texts.codes >= 0)
    record = np.empty(known.size, _UNIT)
    record["key"] = text_keys(texts)[known]
    record["row"] = reader.rows - len(texts.codes) + known
    units.write(record["key"], record)


def _require_distinct(units: _Spill, column: str) -> None:
    """Refuse a unit id that stands in two rows; rows are counted over all files."""
    for record in units.shares():
        order = np.lexsort((record["row"], record["key"]))
        key, row = record["key"][order], record["row"][order]
        again = np.flatnonzero(key[1:] == key[:-1])
        if again.size:
            first, second = (int(r) + 1 for r in row[again[0] : again[0] + 2])
            reason = f"the unit id of row {first:,} is used again in row {second:,}"
            remedy = "keep each unit once, or name another unit column"
            raise InputError(Problem("duplicate_unit", f"column '{column}'", reason, remedy))
