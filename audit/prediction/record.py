"""What a predictions file says of the model that made it."""

import json
from pathlib import Path
from typing import Any

MODEL_KEY = "equipoise.model"


def model_of(path: Path) -> dict[str, Any] | None:
    """Read the model's description from a Parquet file; None where it holds none."""
    if path.suffix.lower() not in (".parquet", ".pq") or not path.is_file():
        return None
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        known = (parquet.read_metadata(path).metadata or {}).get(MODEL_KEY.encode())
        found: dict[str, Any] | None = json.loads(known) if known else None
    except (OSError, ValueError, pa.ArrowInvalid):
        return None
    return found
