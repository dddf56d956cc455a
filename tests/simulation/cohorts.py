"""Cohorts drawn from a population whose every measure is known.

An image of a sick patient has the latent score ``D + z``, any other ``z``, with z standard normal.
The posterior probability of disease is then linear in the score on the logit scale, so that a
calibrated model, and one with a known intercept and slope, can be written down, and every measure
of the population is an integral over two normal densities.

Images of one patient share their z (and, where disease is of the image, the uniform behind it)
with probability ``sqrt(ICC)`` each, and have one of their own otherwise. Two images of a patient
then have the correlation ICC in every function of z, binary or not: flags, losses, scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtr, ndtri

from audit.cohort import Cohort
from audit.dimensions import Dimension
from audit.figures import Figures, compute_figures
from audit.intervals import measure_intervals
from audit.measures import MEASURES
from audit.plan import Plan
from audit.rows import analysed_rows
from audit.selection import chosen, possible
from audit.strata import lattice
from audit.sweep import resampling

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ICC, IMAGES = 0.3, 3


@dataclass(frozen=True)
class Population:
    """A population of images and a model: reported log odds are ``bias + slope * true log odds``.

    `effect` is the distance D of the two normal scores; a unit is flagged from `threshold` on.
    """

    prevalence: float = 0.4
    effect: float = 1.5
    threshold: float = 0.4
    bias: float = 0.0
    slope: float = 1.0

    @property
    def cut(self) -> float:
        """Latent score from which on a unit is flagged."""
        true_odds = (logit(self.threshold) - self.bias) / self.slope
        return float((true_odds - logit(self.prevalence)) / self.effect + self.effect / 2)

    @property
    def sensitivity(self) -> float:
        return float(ndtr(self.effect - self.cut))

    @property
    def fpr(self) -> float:
        return float(ndtr(-self.cut))

    @property
    def auroc(self) -> float:
        return float(ndtr(self.effect / np.sqrt(2)))

    def true_odds(self, latent: ArrayLike) -> Floats:
        x = np.asarray(latent, dtype=np.float64)
        odds: Floats = logit(self.prevalence) + self.effect * x - self.effect**2 / 2
        return odds

    def reported(self, latent: ArrayLike) -> Floats:
        """Probabilities that the model reports."""
        found: Floats = expit(self.bias + self.slope * self.true_odds(latent))
        return found


def shared_uniforms(
    rng: np.random.Generator, patients: int, images: int, icc: float = ICC
) -> Floats:
    """Uniforms of shape (patients, images); those of a patient have the correlation `icc`."""
    common = rng.random((patients, images)) < np.sqrt(icc)
    own = rng.random((patients, images))
    return np.where(common, rng.random((patients, 1)), own)


def drawn(
    rng: np.random.Generator,
    patients: int,
    of: Population,
    *,
    images: int = IMAGES,
    label_icc: float = ICC,
    effect: ArrayLike | None = None,
    prevalence: ArrayLike | None = None,
) -> tuple[NDArray[np.int8], Floats]:
    """Labels and latent scores, shape (patients, images); disease is of the patient at ICC 1.

    `effect` and `prevalence` may differ by patient, shape (patients,); the model knows neither.
    """
    risk = np.broadcast_to(of.prevalence if prevalence is None else prevalence, (patients,))
    distance = np.broadcast_to(of.effect if effect is None else effect, (patients,))
    label = shared_uniforms(rng, patients, images, label_icc) < risk[:, None]
    z = ndtri(shared_uniforms(rng, patients, images))
    return label.astype(np.int8), label * distance[:, None] + z


def dimension(
    name: str, codes: ArrayLike, reference: str | None = None, role: str = "attribute"
) -> Dimension:
    """An attribute with levels ``a00, a01, ...`` in the order of the codes."""
    number = np.asarray(codes, dtype=np.int32)
    levels = tuple(f"{name[0]}{i:05d}" for i in range(int(number.max()) + 1))
    return Dimension(
        name,
        name,
        "site" if role == "site" else "attribute",
        None,
        levels,
        number,
        reference or levels[0],
        "declared",
        0,
    )


def cohort(
    rng: np.random.Generator,
    label: NDArray[np.int8],
    probability: Floats,
    attributes: Mapping[str, ArrayLike],
    *,
    threshold: float = 0.4,
    declared: bool = True,
    site: str | None = None,
) -> Cohort:
    """Make the cohort of labels and probabilities of shape (patients, images).

    `attributes` hold a code for every patient. Where the patient is not `declared`, every image is
    a sampling unit, as in a file without a patient column.
    """
    patients, images = label.shape
    units = patients if declared else patients * images
    # keys as of hashed identifiers; units stand in the order of their keys
    key = np.sort(rng.integers(0, 2**64, units, dtype=np.uint64))
    unit = np.repeat(np.arange(units), images if declared else 1)
    p = probability.ravel()
    return Cohort(
        label=label.ravel(),
        score=p,
        flagged=(p >= threshold).astype(np.int8),
        probability=p,
        key=key[unit],
        cluster=unit,
        patients_declared=declared,
        dimensions=tuple(
            dimension(
                name,
                np.repeat(np.asarray(codes), images),
                role="site" if name == site else "attribute",
            )
            for name, codes in sorted(attributes.items())
        ),
        files=(),
        positive="1",
        warnings=(),
        missing_label=0,
        missing_score=0,
        patients_at_several_sites=0,
        largest_patient=images if declared else 1,
        covariates=(),
    )


def figures_of(at_hand: Cohort, plan: Plan, replicates: int, attribute: str) -> Figures:
    """Values, variances and resamples of the plan's measures in every level of an attribute."""
    rows = analysed_rows(at_hand, plan)
    own = [d for d in at_hand.dimensions if d.name == attribute]
    strata = lattice(own, 1, at_hand.rows)[-1]
    scheme = resampling(plan.seed, replicates, at_hand.clusters)
    return compute_figures(rows, strata, scheme, possible(chosen(plan, 1), rows))


def coverage(
    figures: Figures, truth: Mapping[str, float], methods: Mapping[str, str] | None = None
) -> dict[str, float]:
    """Share of the strata whose interval holds the truth, by measure; undefined ones do not."""
    shares: dict[str, float] = {}
    for id, value in truth.items():
        found = measure_intervals(figures, MEASURES[id], 0.95, (methods or {}).get(id))
        shares[id] = covered(found.lower, found.upper, value)
    return shares


def methods_used(figures: Figures, measure: str, method: str | None = None) -> set[str]:
    return set(measure_intervals(figures, MEASURES[measure], 0.95, method).method)


def covered(lower: ArrayLike, upper: ArrayLike, truth: ArrayLike) -> float:
    """Share of the intervals that hold the truth; one that is undefined does not."""
    return float(np.mean((np.asarray(lower) <= truth) & (truth <= np.asarray(upper))))


def monte_carlo_error(replicates: int, share: float = 0.95) -> float:
    """Standard error of a share over so many independent replicates."""
    return float(np.sqrt(share * (1 - share) / replicates))


@lru_cache
def truths(of: Population) -> dict[str, float]:
    """Every measure of a population, by integration over the two normal densities."""
    x = np.linspace(-9.0, of.effect + 9.0, 200_001)
    step = x[1] - x[0]
    pi = of.prevalence
    sick = np.exp(-((x - of.effect) ** 2) / 2) / np.sqrt(2 * np.pi) * step
    well = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi) * step
    p, q = expit(of.true_odds(x)), of.reported(x)
    every = pi * sick + (1 - pi) * well
    sens, fpr = of.sensitivity, of.fpr
    ppv = pi * sens / (pi * sens + (1 - pi) * fpr)
    above = ndtr(of.effect - x)
    odds = of.threshold / (1 - of.threshold)
    citl = brentq(lambda a: float((every * (p - expit(a + logit(q)))).sum()), -20, 20)
    return {
        "sensitivity": sens,
        "specificity": 1 - fpr,
        "fpr": fpr,
        "flag_rate": pi * sens + (1 - pi) * fpr,
        "ppv": ppv,
        "f1": 2 * ppv * sens / (ppv + sens),
        "balanced_accuracy": (sens + 1 - fpr) / 2,
        "auroc": of.auroc,
        "average_precision": float((sick * pi * above / (pi * above + (1 - pi) * ndtr(-x))).sum()),
        "brier": float((every * (p * (1 - q) ** 2 + (1 - p) * q**2)).sum()),
        "log_loss": -float((every * (p * np.log(q) + (1 - p) * np.log1p(-q))).sum()),
        "oe_ratio": pi / float((every * q).sum()),
        "citl": float(citl),
        "calibration_intercept": -of.bias / of.slope,
        "calibration_slope": 1 / of.slope,
        "net_benefit": pi * sens - (1 - pi) * fpr * odds,
        "ece_limit": float((every * np.abs(p - q)).sum()),
    }


def population_ladder(of: Population, rungs: int) -> tuple[Floats, Floats, Floats]:
    """Reported scores in equal steps of the population, and the sick and well units at each."""
    x = np.linspace(-9.0, of.effect + 9.0, 200_001)
    share = of.prevalence * ndtr(x - of.effect) + (1 - of.prevalence) * ndtr(x)
    latent = np.interp((np.arange(rungs) + 0.5) / rungs, share, x)
    p = expit(of.true_odds(latent))
    return of.reported(latent), p, 1 - p


def names(measures: Sequence[str]) -> str:
    return "[" + ", ".join(measures) + "]"
