from __future__ import annotations

import math

import pytest
import torch

from kan.common.errors import ArgumentError
from kan.symbolic.box import Box, read_range

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


@pytest.mark.parametrize("limits", [(1, 0), 3, (1,), (0, math.nan), "ab", None, (-math.inf, 0)])
def test_ranges_must_be_ordered_finite_pairs(limits):
    with pytest.raises(ArgumentError, match="a_range"):
        read_range("a_range", limits)


def test_tensors_and_lists_are_ranges_too():
    assert read_range("a_range", torch.tensor([-1.0, 2.0])) == (-1.0, 2.0)
    assert read_range("a_range", [0, 0]) == (0.0, 0.0)
