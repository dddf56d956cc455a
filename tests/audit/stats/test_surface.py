"""Surface distances: peers' figures, a brute-force twin, and the laws of distances."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from audit.stats import surface as module
from audit.stats.overlap import BOTH_EMPTY, BOTH_PRESENT, PREDICTION_ONLY, REFERENCE_ONLY
from audit.stats.surface import penalise, surface, surface_distances

Mask = NDArray[np.bool_]
TOLERANCES = (0.0, 1.0, 2.0, 5.0)


def ellipsoid(shape: tuple[int, ...], centre: tuple[int, ...], radii: tuple[int, ...]) -> Mask:
    """Voxels in an ellipsoid, by integers alone, so that every machine gives the same."""
    scale = int(np.prod(radii)) ** 2
    total = np.zeros(shape, dtype=np.int64)
    for axis, (middle, radius) in enumerate(zip(centre, radii, strict=True)):
        place = np.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))])
        total = total + (place - middle) ** 2 * (scale // radius**2)
    return np.asarray(total <= scale)


def pairs() -> dict[str, tuple[Mask, Mask, tuple[float, ...]]]:
    """Masks of the stored figures, with their spacing."""
    box = (12, 40, 44)
    near = ellipsoid(box, (6, 18, 20), (4, 12, 10)), ellipsoid(box, (6, 20, 21), (4, 11, 12))
    lesions = [ellipsoid(box, (6, 10 + 9 * i, 8 + 9 * i), (2 + i, 3, 4)) for i in range(3)]
    found = ellipsoid(box, (5, 10, 9), (2, 4, 3)) | ellipsoid(box, (2, 34, 6), (1, 2, 3))
    digits = load_digits().images[:40]
    cut = ellipsoid(box, (0, 0, 22), (8, 25, 25)), ellipsoid(box, (1, 3, 20), (8, 24, 22))
    flat = ellipsoid((50, 60), (20, 25), (15, 9)), ellipsoid((50, 60), (24, 33), (9, 14))
    return {
        "near": (*near, (5.0, 0.8, 0.7)),
        "lesions": (lesions[0] | lesions[1] | lesions[2], found, (2.5, 1.0, 0.9)),
        "handwriting": (digits >= 8, digits >= 5, (3.0, 0.75, 0.6)),
        "at the border": (*cut, (1.5, 1.0, 2.0)),
        "two axes": (*flat, (0.35, 0.5)),
    }


PAIRS = pairs()

# monai 1.6.1 (torch 2.13.0), float64 spacing, `t(m)` a mask as a tensor with two axes before it:
# compute_hausdorff_distance(t(p), t(r), include_background=True, spacing=s), the same with
# percentile=95, compute_average_surface_distance(..., symmetric=True), and compute_surface_dice(
# t(p), t(r), class_thresholds=[tau], include_background=True, spacing=s) for each of TOLERANCES.
# Single precision.
MONAI: dict[str, tuple[float, ...]] = {
    "near": (
        2.64007568359375,
        2.1260292530059814,
        0.6411294341087341,
        0.4727047085762024,
        0.707196056842804,
        0.923697292804718,
        1.0,
    ),
    "lesions": (
        23.972692489624023,
        22.267372131347656,
        9.21662712097168,
        0.10106383264064789,
        0.22340425848960876,
        0.30319148302078247,
        0.41489362716674805,
    ),
    "handwriting": (
        0.9604686498641968,
        0.6000000238418579,
        0.0730542317032814,
        0.8794488906860352,
        1.0,
        1.0,
        1.0,
    ),
    "at the border": (
        5.220153331756592,
        2.692582368850708,
        0.7740546464920044,
        0.5798789858818054,
        0.622675359249115,
        0.8920009136199951,
        0.9997759461402893,
    ),
    "two axes": (
        6.649060249328613,
        6.226177215576172,
        2.280426025390625,
        0.03030303120613098,
        0.21212121844291687,
        0.5378788113594055,
        0.9090909361839294,
    ),
}
# medpy 0.5.2: hd, max of the 95th numpy.percentile of each __surface_distances, assd, and the mean
# of asd one way and the other; double precision.
MEDPY: dict[str, tuple[float, ...]] = {
    "near": (2.640075756488817, 2.12602916254693, 0.6411293615874747, 0.6408263951776181),
    "lesions": (23.97269279826528, 22.267372863686134, 9.216627192831062, 7.640149411308335),
    "handwriting": (0.9604686356149273, 0.6, 0.07305422998600168, 0.0711259825968094),
    "at the border": (5.220153254455275, 2.692582403567252, 0.7740546848511249, 0.7741489705483153),
    "two axes": (6.649060083951716, 6.226177322691112, 2.280425871007766, 2.292947200767755),
}


def boundary(mask: Mask) -> NDArray[Any]:
    """Places of the boundary voxels, by looking at each neighbour."""
    found = []
    for place in np.argwhere(mask):
        for axis in range(mask.ndim):
            for step in (-1, 1):
                other = place.copy()
                other[axis] += step
                inside = 0 <= other[axis] < mask.shape[axis]
                if not inside or not mask[tuple(other)]:
                    found.append(tuple(place))
    return np.array(sorted(set(found)), dtype=float).reshape(-1, mask.ndim)


def all_pairs(reference: Mask, prediction: Mask, spacing: Any) -> list[NDArray[Any]]:
    """Sorted distances both ways from the table of all distances."""
    a, b = boundary(reference) * spacing, boundary(prediction) * spacing
    table = np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))
    return [np.sort(table.min(axis=1)), np.sort(table.min(axis=0))]


def figures(reference: Mask, prediction: Mask, spacing: Any) -> NDArray[Any]:
    found = surface(reference, prediction, spacing, TOLERANCES)
    return np.concatenate((found.hd, found.hd95, found.assd, found.masd, found.nsd[0]))


@pytest.mark.parametrize("name", PAIRS)
def test_agrees_with_monai(name: str) -> None:
    hd, hd95, assd, _, *nsd = figures(*PAIRS[name])
    np.testing.assert_allclose((hd, hd95, assd, *nsd), MONAI[name], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", PAIRS)
def test_agrees_with_medpy(name: str) -> None:
    np.testing.assert_allclose(figures(*PAIRS[name])[:4], MEDPY[name], rtol=1e-12)


small = st.sampled_from([(4, 5, 6), (1, 4, 7), (6, 3, 2), (7, 8), (1, 9)])
masks = small.flatmap(lambda shape: st.tuples(*[arrays(np.bool_, shape) for _ in range(2)]))
lengths = st.sampled_from([0.3, 0.5, 0.78125, 1.0, 2.5, 6.5])
spacings = st.tuples(lengths, lengths, lengths)


def present(pair: tuple[Mask, Mask]) -> bool:
    return bool(pair[0].any() and pair[1].any())


@pytest.mark.parametrize("rows_per_voxel", [-1e9, 0.5, 1e9])
@given(pair=masks.filter(present), spacing=spacings)
@settings(max_examples=60, deadline=None)
def test_equals_all_pairs_whichever_way_is_taken(
    rows_per_voxel: float, pair: tuple[Mask, Mask], spacing: tuple[float, float, float]
) -> None:
    step = spacing[: pair[0].ndim]
    with pytest.MonkeyPatch.context() as patch:
        # Far below zero every distance is transformed, far above every one is searched for.
        patch.setattr(module, "_ROWS_PER_VOXEL", rows_per_voxel)
        found = surface_distances(*pair, step)
    for got, expected in zip(found, all_pairs(*pair, step), strict=True):
        np.testing.assert_allclose(np.sort(got), expected, rtol=1e-12)


@pytest.mark.parametrize("name", PAIRS)
def test_search_and_transform_agree_on_the_same_voxels(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for rows in (-1e9, 0.0, 0.1, 1.0, 1e9):  # in between, the search stops on the way
        monkeypatch.setattr(module, "_ROWS_PER_VOXEL", rows)
        found.append(np.concatenate(surface_distances(*PAIRS[name])))
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-12)


def test_far_masks_are_measured_right_too() -> None:
    shape = (20, 120, 130)
    reference = ellipsoid(shape, (4, 15, 12), (3, 9, 8)) | ellipsoid(shape, (9, 100, 9), (2, 3, 3))
    prediction = ellipsoid(shape, (15, 100, 110), (3, 8, 9))
    spacing = np.array([4.0, 0.7, 0.6])
    found = surface_distances(reference, prediction, spacing)
    for got, expected in zip(found, all_pairs(reference, prediction, spacing), strict=True):
        np.testing.assert_allclose(np.sort(got), expected, rtol=1e-12)


def test_figures_by_hand() -> None:
    # Two points 3 mm apart, and a third beside one of them: distances 0, 3 and 0.
    reference, prediction = np.zeros((1, 5), bool), np.zeros((1, 5), bool)
    reference[0, [0, 3]] = True
    prediction[0, 0] = True
    found = surface(reference, prediction, (1.0, 1.0), (0.0, 2.9, 3.0))
    assert found.nsd.tolist() == [[2 / 3, 2 / 3, 1.0]]
    assert found.hd[0] == 3.0
    assert found.hd95[0] == pytest.approx(0.95 * 3.0)  # 95th percentile of (0, 3), one way
    assert found.assd[0] == 1.0  # 3 / 3
    assert found.masd[0] == 0.75  # (1.5 + 0) / 2
    assert (found.reference_elements[0], found.prediction_elements[0]) == (2, 1)
    assert found.diagonal == pytest.approx(np.sqrt(26.0))
    assert found.cell[0] == BOTH_PRESENT


def test_a_cube_has_its_shell_for_a_surface() -> None:
    cube = np.zeros((9, 9, 9), bool)
    cube[2:7, 2:7, 2:7] = True
    assert surface(cube, cube, (1, 1, 1), (0.0,)).reference_elements[0] == 5**3 - 3**3
    # Outside the image is not in the mask: a mask that fills it still has a shell.
    assert surface(cube[2:7, 2:7, 2:7], cube[2:7, 2:7, 2:7], (1, 1, 1), (0.0,))[6][0] == 98


@given(pair=masks.filter(present), spacing=spacings)
@settings(max_examples=50, deadline=None)
def test_symmetric(pair: tuple[Mask, Mask], spacing: tuple[float, float, float]) -> None:
    step = spacing[: pair[0].ndim]
    np.testing.assert_allclose(figures(*pair, step), figures(*pair[::-1], step), rtol=1e-14, atol=0)


@given(mask=small.flatmap(lambda shape: arrays(np.bool_, shape)).filter(np.any))
@settings(max_examples=30, deadline=None)
def test_a_mask_is_at_no_distance_from_itself(mask: Mask) -> None:
    np.testing.assert_array_equal(figures(mask, mask, (2.0,) * mask.ndim), [0] * 4 + [1] * 4)


@given(pair=masks.filter(present), shift=st.tuples(*[st.integers(0, 3)] * 3), spacing=spacings)
@settings(max_examples=50, deadline=None)
def test_place_in_the_image_does_not_matter(
    pair: tuple[Mask, Mask], shift: tuple[int, int, int], spacing: tuple[float, float, float]
) -> None:
    step = spacing[: pair[0].ndim]
    around = [(k, 3 - k) for k in shift[: pair[0].ndim]]
    moved = np.pad(pair[0], around), np.pad(pair[1], around)
    np.testing.assert_allclose(figures(*pair, step), figures(*moved, step), rtol=1e-14)


@pytest.mark.parametrize("factor", [0.5, 3.0])
@pytest.mark.parametrize("name", PAIRS)
def test_distances_scale_with_the_spacing(name: str, factor: float) -> None:
    reference, prediction, spacing = PAIRS[name]
    scaled = surface(
        reference, prediction, np.multiply(spacing, factor), np.multiply(TOLERANCES, factor)
    )
    plain = figures(reference, prediction, spacing)
    got = np.concatenate((scaled.hd, scaled.hd95, scaled.assd, scaled.masd))
    np.testing.assert_allclose(got, plain[:4] * factor, rtol=1e-12)
    np.testing.assert_allclose(scaled.nsd[0], plain[4:], rtol=1e-12)


@pytest.mark.parametrize("name", PAIRS)
def test_order_of_axes_and_of_memory_do_not_matter(name: str) -> None:
    reference, prediction, spacing = PAIRS[name]
    plain = figures(reference, prediction, spacing)
    for other in (
        (np.asfortranarray(reference), np.asfortranarray(prediction), spacing),
        (np.asfortranarray(reference), prediction, spacing),
        (reference.T, prediction.T, spacing[::-1]),
        (reference[::-1], prediction[::-1], spacing),
        (reference.astype(np.int16), prediction.astype(np.uint8), spacing),
    ):
        np.testing.assert_allclose(figures(*other), plain, rtol=1e-12)


def test_a_slice_of_a_volume_is_all_boundary_and_an_image_is_not() -> None:
    image = np.ones((6, 7), bool)
    assert surface(image, image, (1, 1), (0.0,)).reference_elements[0] == 22
    assert surface(image[None], image[None], (1, 1, 1), (0.0,)).reference_elements[0] == 42


def test_a_distance_equal_to_the_tolerance_is_within_it() -> None:
    reference, prediction = np.zeros((1, 9), bool), np.zeros((1, 9), bool)
    reference[0, 0] = prediction[0, 3] = True
    # 3 x 0.1 is more than 0.3 in binary, and 0.3 in single precision is more than that.
    for step in (0.1, float(np.float32(0.1))):
        assert surface(reference, prediction, (1, step), (0.3,)).nsd[0, 0] == 1.0
        assert surface(reference, prediction, (1, step), (0.2999,)).nsd[0, 0] == 0.0


def test_empty_masks_have_their_cells() -> None:
    some, none = np.zeros((6, 7, 8), bool), np.zeros((6, 7, 8), bool)
    some[2:4, 3:5, 1:3] = True
    for pair, cell, nsd in (
        ((some, none), REFERENCE_ONLY, 0.0),
        ((none, some), PREDICTION_ONLY, 0.0),
        ((none, none), BOTH_EMPTY, np.nan),
    ):
        found = surface(*pair, (2, 1, 1), (1.0, 1e6))
        assert found.cell.tolist() == [cell]
        np.testing.assert_array_equal(found.nsd, [[nsd, nsd]])
        for distance in (found.hd, found.hd95, found.assd, found.masd):
            assert np.isnan(distance).tolist() == [True]
    ways = surface_distances(some, none, (2, 1, 1))
    assert np.isnan(ways.from_reference).all()
    assert (ways.from_reference.size, ways.from_prediction.size) == (8, 0)


def test_labels_are_each_measured_as_if_alone() -> None:
    reference, prediction = np.zeros((12, 40, 44), np.int16), np.zeros((12, 40, 44), np.int16)
    for label, name in ((7, "near"), (-3, "lesions")):
        reference[PAIRS[name][0]], prediction[PAIRS[name][1]] = label, label
    spacing = (5.0, 0.8, 0.7)
    together = surface(reference, prediction, spacing, TOLERANCES, labels=[7, 99, -3, 0])
    for i, label in enumerate((7, 99, -3, 0)):
        alone = surface(reference == label, prediction == label, spacing, TOLERANCES)
        for both, one in zip(together[:-1], alone[:-1], strict=True):
            np.testing.assert_array_equal(np.asarray(both)[i], np.asarray(one)[0])
    assert together.cell.tolist() == [BOTH_PRESENT, BOTH_EMPTY, BOTH_PRESENT, BOTH_PRESENT]


def test_a_missed_case_never_lowers_a_mean() -> None:
    cells = np.array([BOTH_PRESENT, REFERENCE_ONLY, BOTH_PRESENT, BOTH_EMPTY, PREDICTION_ONLY])
    distance = np.array([310.0, np.nan, 2.0, np.nan, np.nan])
    diagonals = np.array([320.0, 90.0, 100.0, 100.0, 100.0])
    filled = penalise(distance, cells, diagonals)
    np.testing.assert_array_equal(filled, [310.0, 320.0, 2.0, np.nan, 320.0])
    assert np.nanmean(filled) > np.mean([310.0, 2.0])
    np.testing.assert_array_equal(
        penalise(distance, cells, diagonals, 500.0), [310.0, 500.0, 2.0, np.nan, 500.0]
    )
    with pytest.raises(ValueError, match="less than a distance of 310 mm"):
        penalise(distance, cells, diagonals, 300.0)
    with pytest.raises(ValueError, match="cell"):
        penalise(distance, cells[:2], diagonals)
    with pytest.raises(ValueError, match="diagonal"):
        penalise(distance, cells, [np.nan])


@given(pair=masks.filter(present), spacing=spacings)
@settings(max_examples=50, deadline=None)
def test_no_distance_exceeds_the_diagonal(
    pair: tuple[Mask, Mask], spacing: tuple[float, float, float]
) -> None:
    found = surface(*pair, spacing[: pair[0].ndim], ())
    assert found.hd[0] <= found.diagonal
    assert found.hd95[0] <= found.hd[0]
    assert found.assd[0] <= found.hd[0]


@pytest.mark.parametrize(
    ("spacing", "tolerances", "match"),
    [
        ((1.0, 1.0), (1.0,), "each of the 3 axes"),
        ((1.0, 0.0, 1.0), (1.0,), "spacing must be positive"),
        ((1.0, np.nan, 1.0), (1.0,), "spacing must be positive"),
        ((1.0, 1.0, 1.0), 1.0, "tolerances"),
        ((1.0, 1.0, 1.0), (-1.0,), "tolerances"),
        ((1.0, 1.0, 1.0), (np.nan,), "tolerances"),
    ],
)
def test_refuses_what_is_no_length(spacing: Any, tolerances: Any, match: str) -> None:
    mask = np.ones((3, 3, 3), bool)
    with pytest.raises(ValueError, match=match):
        surface(mask, mask, spacing, tolerances)
