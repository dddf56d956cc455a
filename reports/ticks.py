"""Round places on a logarithmic axis."""

import math

# Steps of a decade, in tenths: the coarsest that gives three ticks is taken.
STEPS: tuple[tuple[int, ...], ...] = (
    (10,),
    (10, 20, 50),
    (10, 15, 20, 30, 40, 50, 70),
    (10, 12, 14, 16, 18, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90),
    tuple(range(10, 100)),
)
ENOUGH = 3


def log_ticks(low: float, high: float, apart: float = 0.0, *, whole: bool = False) -> list[float]:
    """Round numbers between two ends, more of them where the range is narrow.

    Neighbours stand at least a share `apart` of the axis from each other; 1 is kept if it is there.
    On an axis of counts only `whole` numbers are wanted.
    """
    found: list[float] = []
    for steps in STEPS:
        places = [t for t in _round(steps, low, high) if not whole or t.is_integer()]
        found = _thinned(places, apart * math.log(high / low))
        if len(found) >= ENOUGH:
            break
    return found


def _round(steps: tuple[int, ...], low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    places = (float(f"{step / 10:g}e{power}") for power in powers for step in steps)
    return [place for place in places if low <= place <= high]


def _thinned(places: list[float], gap: float) -> list[float]:
    """Drop what stands too near to the one before it, counted from 1 outwards."""
    start = places.index(1.0) if 1.0 in places else 0
    kept: list[float] = places[start : start + 1]
    for place in places[start + 1 :]:
        if math.log(place / kept[-1]) >= gap:
            kept.append(place)
    for place in reversed(places[:start]):
        if math.log(kept[0] / place) >= gap:
            kept.insert(0, place)
    return kept
