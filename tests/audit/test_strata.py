import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.dimensions import Dimension
from audit.problems import InputError
from audit.strata import StrataSet, lattice
from audit.stratum_names import stratum_name


def dimension(
    name: str, levels: str | list[str], codes: list[int], reference: str | None = None
) -> Dimension:
    return Dimension(
        name, name, "attribute", None, tuple(levels), np.array(codes, dtype=np.int32),
        reference, "none" if reference is None else "declared", 0,
    )  # fmt: skip


SEX = dimension("sex", "FM", [0, 1, 0, 1], "F")
RACE = dimension("race", ["Asian", "Black", "White"], [2, 2, 1, 2], "White")


def test_overall_comes_first_and_holds_every_row() -> None:
    (overall,) = lattice([], 2, 3)
    assert (overall.attributes, overall.strata, overall.levels) == ((), ("overall",), ((),))
    assert overall.codes.tolist() == [0, 0, 0]
    assert overall.codes.dtype == np.int32
    assert overall.reference is None


def test_sets_are_ordered_by_size_then_name() -> None:
    age = dimension("age", "ab", [0, 0, 1, 1])
    assert [s.attributes for s in lattice([SEX, RACE, age], 3, 4)] == [
        (),
        ("age",),
        ("race",),
        ("sex",),
        ("age", "race"),
        ("age", "sex"),
        ("race", "sex"),
        ("age", "race", "sex"),
    ]
    assert len(lattice([SEX, RACE, age], 1, 4)) == 4
    assert len(lattice([SEX], 4, 4)) == 2


def test_single_attributes_keep_levels_without_rows_and_crossings_do_not() -> None:
    _, race, sex, crossed = lattice([SEX, RACE], 2, 4)
    assert race.strata == ("race=Asian", "race=Black", "race=White")
    assert race.codes.tolist() == [2, 2, 1, 2]
    assert (race.reference, sex.reference) == ("race=White", "sex=F")
    assert crossed.strata == ("race=Black & sex=F", "race=White & sex=F", "race=White & sex=M")
    assert crossed.levels == (("Black", "F"), ("White", "F"), ("White", "M"))
    assert crossed.codes.tolist() == [1, 2, 0, 2]
    assert crossed.reference == "race=White & sex=F"


def test_reference_of_a_crossing_must_occur() -> None:
    other = dimension("race", ["Asian", "Black", "White"], [1, 2, 1, 1], "White")
    assert lattice([SEX, other], 2, 4)[-1].reference is None
    unknown = dimension("race", ["Asian", "Black", "White"], [2, 2, 1, 1])
    assert lattice([SEX, unknown], 2, 4)[-1].reference is None


def test_sparse_crossings_are_numbered_the_same_way() -> None:
    n = 400
    codes = list(range(n))
    names = [f"{i:03d}" for i in range(n)]
    crossed = lattice([dimension("a", names, codes), dimension("b", names, codes[::-1])], 2, n)[-1]
    assert crossed.strata[:2] == ("a=000 & b=399", "a=001 & b=398")
    assert crossed.codes.tolist() == codes
    assert crossed.codes.dtype == np.int32


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 3)), min_size=1, max_size=50
    )
)
def test_every_row_is_in_the_stratum_of_its_levels(rows: list[tuple[int, ...]]) -> None:
    dimensions = [
        dimension(name, "wxyz"[:size], [row[i] for row in rows])
        for i, (name, size) in enumerate((("a", 3), ("b", 2), ("c", 4)))
    ]
    for strata in lattice(dimensions, 3, len(rows)):
        chosen = [d for d in dimensions if d.name in strata.attributes]
        for row, code in enumerate(strata.codes):
            levels = tuple(d.levels[d.codes[row]] for d in chosen)
            assert strata.levels[code] == levels
            assert strata.strata[code] == stratum_name(strata.attributes, levels)
        if len(chosen) != 1:
            assert set(strata.codes.tolist()) == set(range(len(strata.strata)))


def test_too_many_strata_are_refused() -> None:
    n = 200
    levels = [str(i) for i in range(n)]
    pairs = np.arange(n * n)
    a = dimension("a", levels, (pairs // n).tolist())
    b = dimension("b", levels, (pairs % n).tolist())
    with pytest.raises(InputError) as raised:
        lattice([a, b], 2, n * n)
    (problem,) = raised.value.problems
    assert (problem.code, problem.where) == ("too_many_strata", "attributes")
    assert problem.reason == (
        "crossing 'a' (200 levels), 'b' (200 levels) at depth 2 gives more than 20,000 strata"
    )
    assert len(lattice([a, b], 1, n * n)) == 3


def test_levels_that_make_two_strata_read_the_same_are_refused() -> None:
    race = dimension("race", ["A", "A & sex=F"], [0, 1])
    sex = dimension("sex", ["F", "F & sex=F"], [1, 0])
    with pytest.raises(InputError) as raised:
        lattice([race, sex, dimension("sex2", "x", [0, 0])], 2, 2)
    assert raised.value.problems[0].code == "ambiguous_stratum"


def test_ampersand_in_a_level_is_fine_otherwise() -> None:
    strata: StrataSet = lattice([dimension("race", ["Asian & Pacific", "B"], [0, 1])], 1, 2)[1]
    assert strata.strata == ("race=Asian & Pacific", "race=B")
