"""A model made of a function of batches: torch, ONNX and callables differ only in that function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit.models.outputs import converted
from audit.models.protocol import (
    Batch,
    ModelDescription,
    Predicted,
    require_images,
    require_inputs,
)
from audit.models.spec import ModelSpec, Output, image_names, table_columns

if TYPE_CHECKING:
    from audit.plan import ScoreKind


@dataclass(frozen=True, eq=False)
class BatchedModel:
    """A model that is asked for a few units at a time.

    `run` returns the output of the model with one row per unit; `count_flops`, where there is one,
    the operations of a batch.
    """

    description: ModelDescription
    spec: ModelSpec
    output: Output
    run: Callable[[Batch], Any]
    count_flops: Callable[[Batch], int | None] | None = None

    @property
    def score_kind(self) -> "ScoreKind":
        """Return what was declared; sigmoid and softmax give probabilities."""
        return self.output.score_kind or "probability"

    def describe(self) -> ModelDescription:
        """Say what is known of the model."""
        return self.description

    def predict(self, batch: Batch) -> Predicted:
        """Predict for each unit, as many at a time as declared."""
        import numpy as np

        where = self.description.name
        require_inputs(table_columns(self.spec), [str(name) for name in batch.table.columns], where)
        require_images(image_names(self.spec), list(batch.images), where)
        parts: list[Predicted] = []
        size = self.description.batch_size or len(batch)
        for start in range(0, len(batch), max(size, 1)):
            rows = np.arange(start, min(start + size, len(batch)))
            part = batch if len(rows) == len(batch) else batch.take(rows)
            parts.append(converted(self.run(part), self.spec, self.output, part, where))
        return _joined(parts, self.output)


def _joined(parts: list[Predicted], output: Output) -> Predicted:
    import numpy as np

    if output.kind != "scores":
        return tuple(array for part in parts for array in part)
    if not parts:
        several = output.classes is not None and output.place is None
        return np.zeros((0, len(output.classes or ())) if several else 0)
    return np.concatenate([np.asarray(part) for part in parts])
