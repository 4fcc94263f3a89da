from __future__ import annotations

import numpy as np
import pytest

from kan.plotting.layout import arrange

SHAPES = [
    ([1, 1], 2),
    ([2, 5, 1], 2),
    ([4, 2, 1, 1], 2),
    ([2, [3, 2], 1], 2),
    ([2, [1, 2], 1], [[], [2, 3], []]),
    ([2, [2, 2], [1, 3], [3, 2], [1, 1]], 2),
    ([17, 10, 14], 2),
]


def _every_box(layout):
    return [
        (layer, i, j, float(layer.box_x[i, j]), float(layer.box_y[i, j]))
        for layer in layout.layers
        for i in range(layer.box_x.shape[0])
        for j in range(layer.box_x.shape[1])
    ]


@pytest.mark.parametrize("tick", [False, True])
@pytest.mark.parametrize(("width", "arity"), SHAPES)
def test_boxes_do_not_touch_each_other(make_picture, width, arity, tick):
    layout = arrange(make_picture(width, arity), tick=tick)
    at = np.array([(x, y) for *_, x, y in _every_box(layout)])
    apart = np.abs(at[:, None] - at[None]).max(-1) + 10 * np.eye(len(at))
    assert apart.min() > 1.1 * layout.box_side


@pytest.mark.parametrize("tick", [False, True])
@pytest.mark.parametrize(("width", "arity"), SHAPES)
def test_no_line_of_an_edge_crosses_the_box_of_another(make_picture, width, arity, tick):
    layout = arrange(make_picture(width, arity), tick=tick)
    half = layout.box_side / 2
    for layer in layout.layers:
        x, y = layer.box_x.ravel(), layer.box_y.ravel()
        # The upright part of a line is at its box's x, everything else is below fan_bottom or above fan_top.
        assert (y - half >= layer.fan_bottom - 1e-9).all()
        assert (y + half <= layer.fan_top + 1e-9).all()
        aside = np.abs(x[:, None] - x[None])
        aside[np.eye(len(x), dtype=bool)] = np.inf
        assert aside.min() > half or len(set(y.round(9))) == 1
        if len(set(y.round(9))) > 1:
            assert aside.min() > 1.05 * half


@pytest.mark.parametrize(("width", "arity"), SHAPES)
def test_rows_rise_from_inputs_to_outputs_inside_the_picture(make_picture, width, arity):
    layout = arrange(make_picture(width, arity))
    heights = [0.0]
    for layer in layout.layers:
        heights += [layer.node_y, layer.fan_bottom, layer.fan_top, layer.sub_y, layer.out_y]
    heights.append(layout.height)
    assert (np.diff([h for n, h in enumerate(heights) if n == 0 or h != heights[n - 1]]) > 0).all()
    for _, _, _, x, _ in _every_box(layout):
        assert -layout.overhang - 1e-9 <= x - layout.box_side / 2
        assert x + layout.box_side / 2 <= layout.width + layout.overhang + 1e-9


def test_product_nodes_stand_over_the_middle_of_their_subnodes(make_picture):
    layer = arrange(make_picture([2, [1, 2], 1], [[], [2, 3], []])).layers[0]
    assert layer.out_x == pytest.approx([layer.sub_x[0], layer.sub_x[1:3].mean(), layer.sub_x[3:].mean()])


def test_boxes_of_hundreds_of_edges_stay_legible(make_picture):
    layout = arrange(make_picture([17, 10, 14]))
    assert layout.box_side >= 0.17
    assert layout.width <= 18.0


def test_many_edges_get_more_room_and_a_small_network_a_small_picture(make_picture):
    widths = [arrange(make_picture(width)).width for width in ([1, 1], [2, 5, 1], [6, 6, 1], [17, 10, 14])]
    assert widths == sorted(widths)
    assert widths[0] < 3


def test_labels_may_ask_for_more_width(make_picture):
    assert arrange(make_picture([2, 1]), least_width=40.0).width == 40.0
