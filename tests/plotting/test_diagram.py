from __future__ import annotations

import itertools
import warnings

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import sympy
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from kan.common.errors import ArgumentError
from kan.plotting.diagram import draw_diagram
from kan.plotting.marks import MINUS, RGB
from kan.plotting.picture import DiagramPicture, EdgePicture, LayerPicture

SHAPES = [
    ([1, 1], 2),
    ([2, 5, 1], 2),
    ([4, 2, 1, 1], 2),
    ([2, [3, 2], 1], 2),
    ([2, [1, 2], 1], [[], [2, 3], []]),
    ([2, [2, 2], [1, 3], [3, 2], [1, 1]], 2),
    ([17, 10, 14], 2),
    ([17, 1, 14], 2),
]
LONG = "a rather long name, number "


def _part(figure, gid):
    return next(artist for artist in figure.axes[0].get_children() if artist.get_gid() == gid)


def _texts(figure):
    return [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def _draw(picture, **options):
    return draw_diagram(picture, show_in_pyplot=False, **options)


@pytest.mark.parametrize(("width", "arity"), SHAPES)
def test_every_edge_has_a_curve_a_box_and_two_lines(make_picture, width, arity):
    picture = make_picture(width, arity)
    count = sum(layer.n_in * layer.n_sub for layer in picture.layers)
    figure = _draw(picture)
    parts = [len(_part(figure, gid).get_paths()) for gid in ("curves", "boxes", "lines")]
    assert parts == [count, count, 2 * count]


def test_removed_edges_are_not_drawn(make_picture):
    figure = _draw(make_picture([2, 5, 1], kinds=("spline", "none")))
    assert len(_part(figure, "curves").get_paths()) == 5 + 3


def test_a_network_without_edges_is_drawn(make_picture):
    figure = _draw(make_picture([2, 1], kinds=("none",)), sample=True, tick=True)
    figure.canvas.draw()
    assert len(_part(figure, "dots").get_offsets()) == 3


def test_colours_tell_the_kinds_and_opacity_the_scores(make_picture):
    picture = make_picture([3, 1], kinds=("spline", "symbolic", "both"))
    figure = _draw(picture)
    expected = np.array([[*RGB[edge.kind], edge.alpha] for _, _, edge in picture.layers[0].drawn_edges()])
    assert _part(figure, "curves").get_colors() == pytest.approx(expected)
    assert _part(figure, "boxes").get_edgecolors() == pytest.approx(expected)
    assert _part(figure, "lines").get_colors() == pytest.approx(expected.repeat(2, axis=0))


def test_the_colours_are_black_red_and_purple():
    assert RGB["spline"] == to_rgb("black")
    red, purple = np.array(RGB["symbolic"]), np.array(RGB["both"])
    assert red[0] > 0.8 > 0.2 > red[1:].max()
    assert min(purple[0], purple[2]) > 2 * purple[1]


def test_sums_and_products_have_their_symbols(make_picture):
    figure = _draw(make_picture([2, [1, 2], 1], [[], [2, 3], []]))
    counts = {gid: len(_part(figure, gid).get_offsets()) for gid in ("sums", "products", "dots")}
    assert counts == {"sums": 6 + 1, "products": 2, "dots": 2 + 1 + 1}


@pytest.mark.parametrize(("tick", "names"), [(False, "x"), (True, None), (False, LONG)])
@pytest.mark.parametrize(("width", "arity"), SHAPES)
def test_nothing_is_cut_and_no_texts_overlap(make_picture, width, arity, tick, names):
    picture = make_picture(width, arity)
    options = {}
    if names is not None:
        options = {
            "in_vars": [f"{names}{i}" for i in range(picture.n_in)],
            "out_vars": [sympy.Symbol(f"y_{i}") ** 2 / 3 for i in range(picture.n_out)],
            "title": names * 3,
        }
    figure = _draw(picture, tick=tick, **options)
    figure.canvas.draw()
    page = figure.bbox
    boxes = [text.get_window_extent() for text in _texts(figure)]
    for box in boxes:
        assert page.x0 <= box.x0
        assert box.x1 <= page.x1
        assert page.y0 <= box.y0
        assert box.y1 <= page.y1
    x0, y0, x1, y1 = np.array([box.extents for box in boxes]).reshape(-1, 4).T
    apart = (x1[:, None] <= x0) | (x1 <= x0[:, None]) | (y1[:, None] <= y0) | (y1 <= y0[:, None])
    np.fill_diagonal(apart, val=True)
    assert apart.all()

    axes = figure.axes[0]
    view = axes.viewLim
    for gid in ("lines", "boxes", "curves"):
        corners = np.concatenate([path.vertices for path in _part(figure, gid).get_paths()])
        assert (corners >= [view.x0, view.y0]).all()
        assert (corners <= [view.x1, view.y1]).all()


def test_names_do_not_cover_the_network(make_picture):
    figure = _draw(make_picture([2, 1]), in_vars=["gy", "y"], out_vars=["g"], title="t")
    figure.canvas.draw()
    axes, texts = figure.axes[0], {text.get_gid(): text.get_window_extent() for text in _texts(figure)}
    lowest, highest = (axes.transData.transform((0, y))[1] for y in (0.0, _part(figure, "sums").get_offsets()[0][1]))
    assert texts["in_var"].y1 < lowest
    assert highest < texts["out_var"].y0 < texts["out_var"].y1 < texts["title"].y0


def test_a_title_may_be_an_expression(make_picture):
    figure = _draw(make_picture([2, 1]), title=sympy.sqrt(sympy.Symbol("Theta")))
    assert [text.get_text() for text in _texts(figure)] == [r"$\sqrt{\Theta}$"]


def test_each_name_is_centred_on_its_node(make_picture):
    figure = _draw(make_picture([3, 1]), in_vars=["a", "b", "c"])
    written = {text.get_text(): text.get_position()[0] for text in _texts(figure)}
    nodes = _part(figure, "dots").get_offsets()[:3, 0]
    assert [written[name] for name in "abc"] == pytest.approx(list(nodes))


def test_scale_scales_everything_and_varscale_the_names(make_picture):
    picture = make_picture([2, 5, 1])
    small, large = (_draw(picture, scale=scale, in_vars=["a", "b"]) for scale in (0.5, 1.0))
    assert large.get_size_inches() == pytest.approx(2 * small.get_size_inches())
    assert _texts(large)[0].get_fontsize() == pytest.approx(2 * _texts(small)[0].get_fontsize())
    bold = _draw(picture, varscale=1.5, in_vars=["a", "b"])
    assert _texts(bold)[0].get_fontsize() == pytest.approx(1.5 * _texts(small)[0].get_fontsize())


def test_the_offset_moves_the_output_names_up_inside_the_figure(make_picture):
    def output(offset):
        figure = _draw(make_picture([2, 1]), out_vars=["f"], title="t", out_vars_offset=offset)
        figure.canvas.draw()
        text = next(text for text in _texts(figure) if text.get_gid() == "out_var")
        assert text.get_window_extent().y1 < figure.bbox.y1
        return text.get_position()[1]

    assert output(0.1) == pytest.approx(output(0.0) + 0.5)


def test_samples_are_marked_on_request(make_picture):
    picture = make_picture([2, 1])
    assert len(_part(_draw(picture, sample=True), "samples").get_offsets()) == 60
    with pytest.raises(StopIteration):
        _part(_draw(picture), "samples")


def test_ticks_tell_the_ranges_on_request():
    x = np.linspace(-2, 3, 20)
    picture = DiagramPicture([LayerPicture({(0, 0): EdgePicture(x, 10 * x)}, n_in=1, n_sum=1)])
    assert [text.get_text() for text in _texts(_draw(picture, tick=True))] == [f"{MINUS}2", "3", f"{MINUS}20", "30"]
    assert not _texts(_draw(picture))


def test_frames_of_one_shape_have_one_size(make_picture):
    one, other = make_picture([2, 5, 1]), make_picture([2, 5, 1], kinds=("none", "symbolic"))
    figures = [_draw(picture, in_vars=["a", "b"], title="step 1") for picture in (one, other)]
    assert figures[0].get_size_inches().tolist() == figures[1].get_size_inches().tolist()
    assert figures[0].axes[0].viewLim.bounds == figures[1].axes[0].viewLim.bounds


def test_pyplot_knows_the_figure_unless_it_is_a_frame(make_picture):
    picture = make_picture([2, 1])
    _draw(picture)
    assert not plt.get_fignums()
    figure = draw_diagram(picture)
    assert figure is plt.gcf()


def test_many_frames_make_no_warning(make_picture):
    picture = make_picture([1, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(21):
            _draw(picture)


def test_settings_stay_as_they_were_and_do_not_spoil_the_picture(make_picture):
    with plt.style.context(["dark_background", {"figure.autolayout": True, "font.size": 30}]):
        before = dict(mpl.rcParams)
        figure = draw_diagram(make_picture([2, 1]), in_vars=["a", "b"])
        figure.canvas.draw()
        assert dict(mpl.rcParams) == before
    assert figure.get_facecolor() == (1.0, 1.0, 1.0, 1.0)
    assert figure.axes[0].get_position().bounds == pytest.approx((0, 0, 1, 1))
    assert all(to_rgb(text.get_color()) == to_rgb("black") for text in _texts(figure))


def test_no_file_is_written(make_picture, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw_diagram(make_picture([2, 5, 1]), in_vars=["a", "b"], tick=True, sample=True).canvas.draw()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", ["pdf", "svg", "png"])
def test_the_figure_is_saved_in_every_format(make_picture, tmp_path, suffix):
    picture = make_picture([2, [1, 1], 1], kinds=("spline", "symbolic", "both", "none"))
    figure = _draw(picture, in_vars=["a", sympy.Symbol("alpha")], title="t", tick=True, sample=True)
    file = tmp_path / f"diagram.{suffix}"
    figure.savefig(file)
    assert file.stat().st_size > 1000
    # Vectors: no image is embedded.
    assert suffix != "svg" or "<image" not in file.read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scale": 0}, "`scale` must be a positive number; got 0"),
        ({"varscale": float("nan")}, "`varscale`"),
        ({"in_vars": ["a"]}, "`in_vars` must hold 2 names"),
        ({"out_vars": ["a", "b"]}, "`out_vars` must hold 1 name"),
    ],
)
def test_impossible_arguments_are_refused_before_a_figure_is_made(make_picture, options, words):
    with pytest.raises(ArgumentError, match=words):
        draw_diagram(make_picture([2, 1]), **options)
    assert not plt.get_fignums()


def test_curves_lie_in_their_boxes(make_picture):
    figure = _draw(make_picture([2, 5, 1]))
    pairs = zip(_part(figure, "curves").get_paths(), _part(figure, "boxes").get_paths())
    for curve, box in itertools.islice(pairs, 15):
        assert (curve.vertices > box.vertices.min(0)).all()
        assert (curve.vertices < box.vertices.max(0)).all()
