"""A measure that only a change requirement names is computed all the same."""

from audit.plan import Columns, Plan
from audit.requirement import ChangeRequirement
from audit.selection import chosen
from audit.tasks.measures import task_measures


def test_measure_of_a_change_is_reported_beside_the_chosen_ones() -> None:
    columns = Columns(label="y", score="p")
    change = ChangeRequirement(id="not-worse", measure="auroc", worse_by=0.02)
    plan = Plan(columns=columns, measures=("sensitivity",), change=(change,))
    assert [m.id for m in chosen(plan, 0)] == ["sensitivity", "auroc"]


def test_measure_of_a_change_is_reported_for_a_whole_task() -> None:
    plan = Plan.model_validate(
        {
            "task": "regression",
            "columns": {"label": "y", "score": "p"},
            "measures": ["mae"],
            "change": [{"id": "not-worse", "measure": "rmse", "worse_by": 0.1}],
        }
    )
    assert {m.id for m, _ in task_measures(plan)} == {"mae", "rmse"}
