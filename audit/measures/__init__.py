"""The measures, one file per family, in the order in which they are reported."""

from audit.measures import classification, probability, ranking
from audit.measures.declaration import Measure

MEASURES: dict[str, Measure] = {
    measure.id: measure
    for measure in (*classification.MEASURES, *ranking.MEASURES, *probability.MEASURES)
}
