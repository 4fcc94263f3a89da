from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import sympy
from matplotlib.text import Text

from kan.common.errors import ArgumentError
from kan.plotting.tree import TreeNode, TreePicture, draw_tree

LONG = "a rather long name, number "


def balanced(depth, arity=2, kind="GS", names="x"):
    """Return a tree whose nodes all have the same number of children."""
    count = arity**depth
    levels = [
        [TreeNode(tuple(range(i * arity, (i + 1) * arity)), kind) for i in range(arity**level)]
        for level in reversed(range(depth))
    ]
    return TreePicture([f"{names}{i}" for i in range(count)], levels)


def uneven(idle=frozenset()):
    """Return a tree with every kind of node, a branch that is shorter than the others, and a leaf at the root."""
    first = [TreeNode((0, 1), "GS"), TreeNode((2,), "Id"), TreeNode((3, 4, 5), ""), TreeNode((6,), "Id")]
    second = [TreeNode((0, 1), "GS"), TreeNode((2,), "Id"), TreeNode((3,), "Id")]
    return TreePicture([sympy.Symbol(f"x_{i}") for i in range(7)], [first, second, [TreeNode((0, 1, 2), "Mul")]], idle)


PICTURES = {
    "one": TreePicture(["x"], [[TreeNode((0,), "Id")]]),
    "none": TreePicture(["x", "y"], [[TreeNode((0, 1), "Id")]], frozenset({0, 1})),
    "pairs": balanced(3),
    "uneven": uneven(),
    "idle": uneven(frozenset({6})),
    "wide": balanced(1, arity=60, kind="Add"),
    "wide boxes": balanced(2, arity=7, kind="Mul"),
    "long names": balanced(2, names=LONG),
    "many long names": balanced(2, arity=6, names=LONG),
}


def _part(figure, gid):
    return next(artist for artist in figure.axes[0].get_children() if artist.get_gid() == gid)


def _boxes(figure):
    return [patch for patch in figure.axes[0].patches if patch.get_gid() == "box"]


def _texts(figure):
    return [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def _draw(picture, **options):
    return draw_tree(picture, show_in_pyplot=False, **options)


def _segments(figure, gid):
    return [np.round(segment, 6) for segment in _part(figure, gid).get_segments()]


@pytest.mark.parametrize("style", ["tree", "box"])
@pytest.mark.parametrize("name", PICTURES)
def test_nothing_is_cut_and_nothing_overlaps(name, style):
    figure = _draw(PICTURES[name], style=style)
    figure.canvas.draw()
    page = figure.bbox
    extents = [text.get_window_extent() for text in _texts(figure)]
    boxes = [box.get_window_extent() for box in _boxes(figure)]
    for box in extents + boxes:
        assert page.x0 <= box.x0
        assert box.x1 <= page.x1
        assert page.y0 <= box.y0
        assert box.y1 <= page.y1
    for group in (extents, boxes):
        x0, y0, x1, y1 = np.array([box.extents for box in group]).reshape(-1, 4).T
        apart = (x1[:, None] <= x0) | (x1 <= x0[:, None]) | (y1[:, None] <= y0) | (y1 <= y0[:, None])
        np.fill_diagonal(apart, val=True)
        assert apart.all()
    corners = np.concatenate([*_segments(figure, "lines"), *_segments(figure, "fans"), np.zeros((1, 2))])
    (left, right), (bottom, top) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
    assert left < corners[:, 0].min()
    assert corners[:, 0].max() < right
    assert bottom < corners[:, 1].min()
    assert corners[:, 1].max() < top


@pytest.mark.parametrize("name", PICTURES)
def test_letters_stay_readable(name):
    sizes = [text.get_fontsize() for text in _texts(_draw(PICTURES[name]))]
    assert min(sizes) >= 6
    assert len(set(sizes)) == 1


@pytest.mark.parametrize("style", ["tree", "box"])
def test_the_page_ends_with_the_drawing(style):
    figure = _draw(balanced(4), style=style)
    figure.canvas.draw()
    lowest = min(text.get_window_extent().y0 for text in _texts(figure)) / figure.dpi
    assert lowest < 0.3


def test_every_child_is_connected_and_no_two_lines_cross():
    figure = _draw(balanced(3))
    fans = _segments(figure, "fans")
    assert len(fans) == 8 + 4 + 2
    for left, right in zip(fans, fans[1:]):
        if left[0][1] == right[0][1]:
            assert left[0][0] < right[0][0]
            assert left[1][0] <= right[1][0]


def test_each_kind_has_its_mark():
    figure = _draw(uneven())
    assert {gid: len(_part(figure, gid).get_offsets()) for gid in ("dots", "Add", "Mul")} == {
        "dots": 2,
        "Add": 0,
        "Mul": 1,
    }
    assert len(_boxes(figure)) == 1
    assert not [text for text in _texts(figure) if text.get_gid() == "kind"]


def test_in_boxes_the_names_of_the_kinds_are_written():
    figure = _draw(uneven(), style="box")
    assert len(_boxes(figure)) == 4
    assert sorted(text.get_text() for text in _texts(figure) if text.get_gid() == "kind") == ["GS", "GS", "Mul"]
    assert _segments(figure, "fans") == []


def test_a_box_spans_its_leaves():
    figure = _draw(balanced(2), style="box")
    root = max(_boxes(figure), key=lambda box: box.get_y())
    leaves = [text.get_position()[0] for text in _texts(figure) if text.get_gid() == "in_var"]
    assert root.get_x() < min(leaves)
    assert root.get_x() + root.get_width() > max(leaves)


def test_a_leaf_that_goes_up_several_levels_is_one_line():
    figure = _draw(uneven())
    x = next(text for text in _texts(figure) if "x_{6}" in text.get_text()).get_position()[0]
    upright = [line for line in _segments(figure, "lines") if np.allclose(line[:, 0], x)]
    assert len(upright) == 1
    assert np.ptp(upright[0][:, 1]) > 1


def test_idle_leaves_are_pale_and_unconnected():
    figure = _draw(uneven(frozenset({6})))
    text = next(text for text in _texts(figure) if "x_{6}" in text.get_text())
    assert text.get_color() != "black"
    assert all(abs(line[0][0] - text.get_position()[0]) > 0.1 for line in _segments(figure, "lines"))
    assert len([line for line in _segments(figure, "fans") if line[1][1] == _segments(figure, "fans")[-1][1][1]]) == 2


def test_pyplot_knows_the_figure_on_request():
    draw_tree(balanced(1), show_in_pyplot=False)
    assert plt.get_fignums() == []
    draw_tree(balanced(1))
    assert len(plt.get_fignums()) == 1


def test_a_dark_style_changes_nothing():
    with plt.style.context("dark_background"):
        figure = _draw(balanced(1))
    assert figure.get_facecolor() == (1.0, 1.0, 1.0, 1.0)
    assert _texts(figure)[0].get_color() == "black"


@pytest.mark.parametrize(
    "make",
    [
        lambda: TreeNode((0, 1), "Sum"),
        lambda: TreePicture(["x", "y"], []),
        lambda: TreePicture(["x", "y"], [[TreeNode((0,), "Id")]]),
        lambda: TreePicture(["x", "y"], [[TreeNode((1, 0), "GS")]]),
        lambda: TreePicture(["x", "y"], [[TreeNode((0,), "Id"), TreeNode((1,), "Id")]]),
        lambda: draw_tree(balanced(1), style="graph"),
    ],
)
def test_what_is_no_tree_is_refused(make):
    with pytest.raises(ArgumentError):
        make()
