"""scikit-learn estimators, from skops files or (trusted) pickles."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.models.files import damaged, file_bytes
from audit.models.protocol import Batch, ModelDescription, ModelInput, require_inputs
from audit.problems import InputError, Problem, nearest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from audit.plan import ScoreKind

# skops leaves this one to its user, yet every imputer holds it: what kind of cells an array has,
# stored as an empty array that is read without pickles.
_HARMLESS = ("numpy.dtype",)
_FITTED_NUMBERS = ("coef_", "intercept_", "coefs_", "intercepts_")


@dataclass(frozen=True, eq=False)
class SklearnModel:
    """A fitted binary classifier with named input columns."""

    estimator: Any
    description: ModelDescription
    positive_index: int

    @property
    def score_kind(self) -> "ScoreKind":
        """Return probability, or rank where the estimator has only a decision function."""
        return "probability" if hasattr(self.estimator, "predict_proba") else "rank"

    def describe(self) -> ModelDescription:
        """Say what is known of the model."""
        return self.description

    def predict(self, batch: Batch) -> "NDArray[np.float64]":
        """Score each row; raises InputError when columns are missing."""
        import numpy as np

        columns = [str(name) for name in batch.table.columns]
        require_inputs(self.description.inputs, columns, self.description.name)
        features = batch.table.loc[:, list(self.description.inputs)]
        if self.score_kind == "probability":
            scores = self.estimator.predict_proba(features)[:, self.positive_index]
        else:
            # A decision function rises towards the second class.
            towards_second = self.estimator.decision_function(features)
            scores = towards_second if self.positive_index == 1 else -towards_second
        return np.asarray(scores, dtype=np.float64)


def load_skops(path: Path, trusted: Sequence[str], positive: str | None) -> SklearnModel:
    """Load a skops file; types that neither skops nor the caller trusts are refused by name."""
    import skops.io

    data = file_bytes(path)
    allowed = [*_HARMLESS, *trusted]
    try:
        unknown = sorted(set(skops.io.get_untrusted_types(data=data)) - set(allowed))
    # The file may hold anything, so its reader may fail in any way.
    except Exception as error:
        raise damaged(path, "skops", error) from None
    if unknown:
        raise InputError(
            Problem(
                "untrusted_type",
                str(path),
                f"the file holds a type that is not trusted: {name}",
                f"if you know and trust it, add --trust-type {name}",
            )
            for name in unknown
        )
    try:
        estimator = skops.io.loads(data, trusted=allowed)
    except Exception as error:
        raise damaged(path, "skops", error) from None
    return _adapt(estimator, path, "skops", data, positive)


def load_pickle(path: Path, positive: str | None) -> SklearnModel:
    """Load a pickle, which runs the code in it: the caller has made sure that it is trusted."""
    import joblib

    data = file_bytes(path)
    try:
        estimator = joblib.load(io.BytesIO(data))
    except Exception as error:
        raise damaged(path, "pickle", error) from None
    return _adapt(estimator, path, "pickle", data, positive)


def _adapt(
    estimator: Any, path: Path, kind: str, data: bytes, positive: str | None
) -> SklearnModel:
    """Check that the object is a fitted binary classifier with named inputs, and describe it."""

    def refuse(code: str, reason: str, remedy: str) -> InputError:
        return InputError(Problem(code, str(path), reason, remedy))

    if not (hasattr(estimator, "predict_proba") or hasattr(estimator, "decision_function")):
        reason = f"a {type(estimator).__name__} has no predict_proba and no decision_function"
        raise refuse("no_score", reason, "give a classifier that is fitted and has one of them")
    classes = tuple(str(item) for item in getattr(estimator, "classes_", ()))
    if len(classes) != 2:
        reason = f"the model has {len(classes)} classes ({', '.join(classes) or 'not fitted'})"
        raise refuse("not_binary", reason, "give a fitted model of two classes")
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        reason = "the model does not say which columns it was trained on"
        raise refuse("no_feature_names", reason, "fit it on a pandas DataFrame with named columns")
    wanted = classes[1] if positive is None else positive
    if wanted not in classes:
        raise refuse(
            "unknown_class", f"the model has no class '{wanted}'", nearest(wanted, classes)
        )
    inputs = tuple(str(name) for name in names)
    description = ModelDescription(
        format=f"{kind} ({type(estimator).__module__.split('.')[0]} {type(estimator).__name__})",
        name=path.name,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        inputs=inputs,
        classes=classes,
        positive=wanted,
        parameters=_parameters(estimator),
        takes=(ModelInput("table", "columns", inputs, "as read", (len(inputs),)),),
        library=f"scikit-learn {_version()}",
    )
    return SklearnModel(estimator, description, classes.index(wanted))


def _version() -> str:
    import sklearn

    return str(sklearn.__version__)


def _parameters(estimator: Any) -> int | None:
    """Count the fitted numbers of the last step, where it is of a kind that has them."""
    import numpy as np

    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    total, found = 0, False
    for name in _FITTED_NUMBERS:
        fitted = getattr(last, name, None)
        if fitted is not None:
            arrays = fitted if isinstance(fitted, list) else [fitted]
            total += sum(int(np.asarray(array).size) for array in arrays)
            found = True
    return total if found else None
