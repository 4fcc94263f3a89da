from __future__ import annotations

import pytest
import torch

from kan.symbolic.box import Box

BOX = Box((-10.0, 10.0), (-4.0, 4.0), centre=3.0, half_width=2.0)


def test_both_coordinates_describe_the_same_line():
    x = torch.linspace(1, 5, 7, dtype=torch.float64)
    t = (x - BOX.centre) / BOX.half_width
    plain = torch.tensor([1.5, -2.0], dtype=torch.float64)
    normal = BOX.to_normal(plain)
    torch.testing.assert_close(normal[0] * t + normal[1], plain[0] * x + plain[1])
    torch.testing.assert_close(BOX.to_plain(normal), plain)


def test_clamped_points_lie_in_the_box():
    points = BOX.to_normal(torch.tensor([[20.0, 9.0], [-20.0, -9.0], [1.0, 1.0]], dtype=torch.float64))
    assert BOX.holds(points).tolist() == [False, False, True]
    assert BOX.holds(BOX.clamp(points)).all()
    torch.testing.assert_close(BOX.clamp(points)[2], points[2])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_scales_are_those_that_stay_in_the_box(sign):
    low, high = BOX.scales(torch.tensor([2.0, 0.0, -8.0], dtype=torch.float64), sign)
    assert high.tolist() == [2.0, 10.0, 0.5]
    assert (low < 1e-9).all()


def test_no_scale_fits_where_the_box_excludes_the_zero():
    box = Box((1.0, 2.0), (5.0, 6.0), centre=0.0, half_width=1.0)
    low, high = box.scales(torch.tensor([1.0, 0.0, -3.0], dtype=torch.float64), 1.0)
    assert (low <= high).tolist() == [False, False, True]


def around(low, high, a_range=(-10.0, 10.0), b_range=(-10.0, 10.0), precision=2e-16):
    return Box.around(low, high, a_range=a_range, b_range=b_range, precision=precision)


def test_the_usual_limits_are_kept_for_inputs_that_vary_by_one_or_more_and_reach_zero():
    for low, high in [(-1, 1), (0, 8), (-100, 100), (-3, 0.5)]:
        assert around(low, high).limits == ((-10.0, 10.0), (-10.0, 10.0))


def test_where_inputs_are_far_from_zero_a_curve_can_be_centred_on_them():
    assert around(250, 400).limits == ((-10.0, 10.0), (-2510.0, 2510.0))  # 0.1 * x - 32 and 7 * (x - 325), say


def test_inputs_that_vary_little_reach_what_those_reach_that_vary_by_one():
    centre, half_width = 0.7, 0.05
    wide, narrow = around(centre - 1, centre + 1), around(centre - half_width, centre + half_width)
    corners = torch.cartesian_prod(*torch.tensor(wide.limits, dtype=torch.float64))
    assert narrow.holds(wide.to_normal(corners)).all()
    assert narrow.holds(narrow.to_normal(corners)).all()


def test_chosen_limits_stay():
    assert around(0.0, 0.1, a_range=(-5.0, 5.0), b_range=(-1.0, 1.0)).limits == ((-5.0, 5.0), (-1.0, 1.0))
    assert around(0.0, 0.1, b_range=(-1.0, 1.0)).limits == ((-200.0, 200.0), (-1.0, 1.0))


def test_limits_are_not_widened_to_where_the_digits_of_x_end():
    box = around(1.0, 1.0 + 1e-6, precision=1e-7)
    assert box.a_range[1] * 1.0 * 1e-7 == pytest.approx(1e-4, rel=1e-3)


def test_boxes_of_several_edges_are_joined_and_taken_apart():
    boxes = [BOX, around(0.0, 0.1), around(-3.0, 5.0)]
    points = torch.tensor([[300.0, -30.0]], dtype=torch.float64).expand(3, -1)
    joined = Box.joined(boxes, like=points)
    for chosen in ([0, 1, 2], [2, 0]):
        clamped = joined.take(torch.tensor(chosen)).clamp(points[chosen])
        torch.testing.assert_close(clamped, torch.stack([boxes[edge].clamp(points[edge]) for edge in chosen]))


def test_usual_limits_of_b_follow_wider_limits_of_a() -> None:
    around = Box.around(1.3, 1.5, a_range=(-40, 40), b_range=(-10, 10), precision=1e-16)
    assert around.a_range == (-40, 40)
    assert around.b_range == pytest.approx((-62, 62))  # 40 * (x - 1.4) is possible
    assert Box.around(1.3, 1.5, a_range=(-40, 40), b_range=(-9, 9), precision=1e-16).b_range == (-9, 9)
    assert Box.around(1.3, 1.5, a_range=(-1, 1), b_range=(-10, 10), precision=1e-16).b_range == pytest.approx(
        (-11.3, 11.3)
    )


@pytest.mark.parametrize("signs", [[1.0, -1.0], [-1.0, 1.0]])
@pytest.mark.parametrize(
    ("a_range", "b_range", "centre"), [((-0.1, 5.0), (-2.0, 9.0), -4.0), ((1.0, 3.0), (-1.0, 1.0), 0.2)]
)
def test_points_through_zeros_have_these_zeros_and_lie_in_the_box_if_any_do(a_range, b_range, centre, signs):
    box = Box(a_range, b_range, centre, half_width=0.5)
    zeros = torch.linspace(-3, 3, 25, dtype=torch.float64)
    points = box.through(zeros, signs)
    found = points.isfinite().all(-1)
    roots = -points[found, 1] / points[found, 0]
    torch.testing.assert_close(roots, zeros[found])
    assert box.holds(points[found]).all()
    a = torch.linspace(*a_range, 10001, dtype=torch.float64)[:, None]
    b = -a * (centre + 0.5 * zeros)
    allowed = (b_range[0] <= b) & (b <= b_range[1])
    ways = {1.0: (allowed & (a > 1e-9)).any(0), -1.0: (allowed & (a < -1e-9)).any(0)}
    assert torch.equal(found, ways[1.0] | ways[-1.0])
    first = ways[signs[0]]
    assert (points[first, 0].sign() == signs[0]).all()
