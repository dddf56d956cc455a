"""``equipoise predict``: a model's scores beside the cohort's columns."""

from collections.abc import Sequence
from pathlib import Path


def run_predict(
    model_path: Path,
    cohort: Path,
    out: Path,
    *,
    score: str | None,
    images: Path | None,
    restart: bool,
    trusted: Sequence[str],
    trust: bool,
    quiet: bool,
) -> str:
    """Load the model, predict every row, write Parquet; return a line for the terminal."""
    from audit.atomic import check_writable
    from audit.models import load_model
    from audit.prediction import predict_table
    from commands.progress import progress_line

    check_writable(out.parent)
    model = load_model(model_path, trusted=trusted, trust=trust)
    with progress_line("predicting", quiet=quiet) as progress:
        run = predict_table(
            model,
            cohort,
            out,
            score_name=score or ("score" if model.describe().gives == "scores" else None),
            images=images,
            restart=restart,
            progress=lambda d, t: progress(d, t, ""),
        )
    return f"{run}\nwrote {out}"
