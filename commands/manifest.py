"""``equipoise manifest``: the cohort's table of a folder of images."""

from pathlib import Path
from typing import Annotated

import typer

from audit.problems import InputError, Problem
from commands.options import QuietOption

SHORTEST_KEY = 16


def manifest(
    folder: Annotated[Path, typer.Argument(help="Folder of images; DICOM headers are read.")],
    out: Annotated[Path, typer.Option("--out", help="Table to write: .csv or .parquet.")] = Path(
        "manifest.csv"
    ),
    key_file: Annotated[
        Path | None,
        typer.Option("--key-file", help="File with the key of the patients' hashes."),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """List the images of a folder, with sex, age, site and scanner from DICOM headers.

    Names, dates and numbers of people stay in the headers.
    """
    typer.echo(run_manifest(folder, out, key_file, quiet=quiet))


def run_manifest(folder: Path, out: Path, key_file: Path | None, *, quiet: bool) -> str:
    """Scan, write the table; return the lines for the terminal."""
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.parquet as parquet

    from audit.atomic import atomic_path, check_writable
    from audit.sources.images.manifest import scan_folder
    from commands.progress import progress_line

    if out.suffix.lower() not in (".csv", ".parquet"):
        reason = f"'{out.suffix}' is no kind of table"
        raise InputError(Problem("bad_flag", f"--out {out}", reason, "write .csv or .parquet"))
    key = _key(key_file)
    check_writable(out.parent)
    with progress_line("reading headers", quiet=quiet) as progress:
        found = scan_folder(folder, key=key, progress=lambda d, t: progress(d, t, ""))
    table = pa.table(found.columns)
    with atomic_path(out) as temporary:
        if out.suffix.lower() == ".csv":
            plain = [pa.field(f.name, pa.string()) if pa.types.is_null(f.type) else f
                     for f in table.schema]  # fmt: skip
            csv.write_csv(table.cast(pa.schema(plain)), temporary)
        else:
            parquet.write_table(table, temporary)
    lines = [f"{found.rows:,} images", *(f"{count:,} {what}" for what, count in found.told)]
    if "patient" in found.columns and key is None:
        lines.append("patients are hashed with a key of this run: give --key-file to keep it")
    return "\n".join([*lines, f"wrote {out}"])


def _key(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        reason = f"it cannot be read ({error.strerror})"
        raise InputError(Problem("unreadable", str(path), reason, "check the path")) from None
    if len(key) < SHORTEST_KEY:
        reason = f"the key has {len(key)} bytes"
        remedy = f"give at least {SHORTEST_KEY}, as from `openssl rand -hex 32`"
        raise InputError(Problem("short_key", str(path), reason, remedy))
    return key
