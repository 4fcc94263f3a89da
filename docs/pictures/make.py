"""Makes the pictures of these pages with the library itself.

    python docs/pictures/make.py              all of them, in a few minutes
    python docs/pictures/make.py grids.png    some of them

Seeds are fixed, so a picture changes only when the library does.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import sympy
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from sklearn.datasets import make_moons as make_moons_data

from kan import (
    KAN,
    B_batch,
    coef2curve,
    create_dataset,
    create_dataset_from_data,
    curve2coef,
    extend_grid,
    fit_params,
    plot_tree,
)
from kan.symbolic import SYMBOLIC_LIB

HERE = Path(__file__).resolve().parent
DPI = 160
COLOURS = 64
NAMES = ["$x_1$", "$x_2$"]
INK, ACCENT, SECOND, PALE = "#222222", "#c0392b", "#2471a3", "#b8bcc0"


def hello(x: torch.Tensor) -> torch.Tensor:
    """Compute the function of the hello example."""
    return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)


# ---------------------------------------------------------------------------------------------------- how to save


def save(figure: Figure, name: str) -> None:
    """Save a figure."""
    write(rendered(figure), name)


def save_row(figures: Sequence[Figure], name: str, *, gap: float = 0.4, dpi: int = 100) -> None:
    """Save several figures side by side, `gap` inches apart and aligned at the bottom."""
    images = [rendered(figure, dpi=dpi) for figure in figures]
    space = round(gap * dpi)
    width = sum(image.width for image in images) + space * (len(images) - 1)
    row = Image.new("RGB", (width, max(image.height for image in images)), "white")
    left = 0
    for image in images:
        row.paste(image, (left, row.height - image.height))
        left += image.width + space
    write(row, name)


def rendered(figure: Figure, *, dpi: int = DPI) -> Image.Image:
    """Return a figure as an image without a margin."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=dpi, facecolor="white", bbox_inches="tight", pad_inches=0.05)
    plt.close(figure)
    return Image.open(buffer).convert("RGB")


def write(image: Image.Image, name: str) -> None:
    """Write an image with few colours: lines on white need no more, and the file is small."""
    image.quantize(COLOURS).save(HERE / name, optimize=True)


def axes(columns: int = 1, *, width: float = 3.2, height: float = 2.4, **options: Any) -> tuple[Figure, list[Axes]]:
    """Return a figure with a row of axes."""
    figure, grid = plt.subplots(
        1, columns, figsize=(width * columns, height), layout="constrained", squeeze=False, **options
    )
    for one in grid[0]:
        one.spines[["top", "right"]].set_visible(False)
    return figure, list(grid[0])


# -------------------------------------------------------------------------------------------------- the pictures


def make_hello(name: str) -> None:
    """Draw the hello example, from the first network to the formula."""
    dataset = create_dataset(hello, n_var=2)
    model = KAN(width=[2, 5, 1], grid=3, k=3, seed=42)
    model.get_act(dataset)
    pictures = [model.draw(in_vars=NAMES, out_vars=["$f$"], title="create")]
    model.fit(dataset, steps=50, lamb=1e-3, progress=False)
    pictures.append(model.draw(in_vars=NAMES, out_vars=["$f$"], title="fit"))
    model = model.prune()
    model.fit(dataset, steps=50, progress=False)
    pictures.append(model.draw(in_vars=NAMES, out_vars=["$f$"], title="prune, fit"))
    model = model.refine(10)
    model.fit(dataset, steps=50, progress=False)
    model.auto_symbolic(verbose=0)
    model.fit(dataset, steps=50, progress=False)
    formulas, variables = model.symbolic_formula(tolerance=1e-3, verbose=False)
    # As a title the formula is larger than above the output, where it must fit the width of a node.
    title = f"$f = {sympy.latex(formulas[0])}$"
    pictures.append(model.draw(in_vars=variables, out_vars=["$f$"], title=title))
    save_row(pictures, name)


def make_edge(name: str) -> None:
    """Show what the function of one edge is made of."""
    x = torch.linspace(-1, 1, 401)[:, None]
    grid = extend_grid(torch.linspace(-1, 1, 6)[None], k_extend=3)
    curve = torch.sin(3 * x) + 0.4 * x
    coefficients = curve2coef(x, curve[:, :, None], grid, k=3)  # (1, 1, B)
    spline = coef2curve(x, grid, coefficients, k=3)[:, 0, 0]
    bumps = B_batch(x, grid, k=3)[:, 0, :] * coefficients[0, 0]  # (N, B)
    base = 0.5 * torch.nn.functional.silu(x)[:, 0]
    figure, (left, right) = axes(2, sharey=True)
    left.plot(x, bumps, color=SECOND, lw=1)
    left.plot(x, spline, color=INK, lw=2)
    left.set_title("a spline, and the bumps it is the sum of", size=9)
    right.plot(x, spline, color=INK, lw=1, ls="--", label="spline")
    right.plot(x, base, color=SECOND, lw=1, label="base function")
    right.plot(x, spline + base, color=ACCENT, lw=2, label="edge")
    right.legend(frameon=False, fontsize=8)
    right.set_title("an edge", size=9)
    for one in (left, right):
        one.set_xlabel("input")
        for knot in grid[0, 3:-3]:
            one.axvline(float(knot), color=PALE, lw=0.5, zorder=0)
    save(figure, name)


def make_product(name: str) -> None:
    """Draw x y, learnt with sums alone and with a product node."""
    dataset = create_dataset(lambda x: x[:, [0]] * x[:, [1]], n_var=2)
    pictures = []
    for width, title in (([2, 2, 1], "sums alone"), ([2, [0, 1], 1], "a product node")):
        model = KAN(width=width, grid=3, k=3, seed=0)
        model.fit(dataset, steps=50, lamb=1e-3, progress=False)
        pictures.append(model.draw(in_vars=["$x$", "$y$"], out_vars=["$xy$"], title=title))
    save_row(pictures, name, gap=1.0, dpi=DPI)


def make_grids(name: str) -> None:
    """Fit one curve on more and more intervals."""
    x = torch.linspace(-1, 1, 400)[:, None]
    curve = torch.sin(8 * x**2) * torch.exp(-x)
    figure, row = axes(3, width=2.6, height=2.2, sharey=True)
    for one, intervals in zip(row, (3, 6, 12)):
        grid = extend_grid(torch.linspace(-1, 1, intervals + 1)[None], k_extend=3)
        fitted = coef2curve(x, grid, curve2coef(x, curve[:, :, None], grid, k=3), k=3)[:, 0, 0]
        error = (fitted - curve[:, 0]).square().mean().sqrt()
        one.plot(x, curve, color=PALE, lw=4)
        one.plot(x, fitted, color=INK, lw=1.2)
        for knot in grid[0, 3:-3]:
            one.axvline(float(knot), color=PALE, lw=0.5, zorder=0)
        one.set_title(f"{intervals} intervals, error {error:.0e}", size=9)
    save(figure, name)


def make_adaptive(name: str) -> None:
    """Show where knots go when the samples crowd together."""
    generator = torch.Generator().manual_seed(0)
    x = 0.15 * torch.randn(500, 1, generator=generator) + 0.3
    x = torch.cat([x, 2 * torch.rand(60, 1, generator=generator) - 1])
    figure, (one,) = axes(width=6.4, height=2.2)
    one.plot(x, np.full(len(x), -0.15), "|", color=PALE, ms=10)
    for height, eps in ((0.2, 0.02), (0.5, 0.5), (0.8, 1.0)):
        model = KAN(width=[1, 1], grid=10, k=3, grid_eps=eps)
        model.update_grid_from_samples(x)
        knots = model.act_fun[0].grid[0, 3:-3]
        one.hlines(height, knots.min(), knots.max(), color=PALE, lw=1)
        one.plot(knots, np.full(len(knots), height), "|", color=INK, ms=14, mew=1.5)
    one.set_yticks([-0.15, 0.2, 0.5, 0.8], ["samples", "grid_eps=0.02", "0.5", "1"])
    one.spines["left"].set_visible(False)
    one.tick_params(left=False)
    one.set_ylim(-0.35, 1)
    save(figure, name)


def make_penalties(name: str) -> None:
    """Draw one network after training with several weights of the penalty."""
    dataset = create_dataset(hello, n_var=2)
    pictures = []
    for lamb, title in ((0.0, "$\\lambda=0$"), (1e-4, "$\\lambda=10^{-4}$"), (1e-2, "$\\lambda=10^{-2}$")):
        model = KAN(width=[2, 5, 1], grid=3, k=3, seed=1)
        error = model.fit(dataset, steps=50, lamb=lamb, progress=False)["test_loss"][-1]
        figure = model.draw(in_vars=NAMES, title=f"{title}, error {error:.0e}", scale=0.4, varscale=0.9)
        pictures.append(figure)
    save_row(pictures, name)


def make_attribution(name: str) -> None:
    """Draw a network that needs two of its four inputs, and the scores of the inputs."""
    dataset = create_dataset(lambda x: torch.sin(3 * x[:, [0]]) + x[:, [1]] ** 2, n_var=4)
    model = KAN(width=[4, 3, 1], grid=3, k=3, seed=0)
    model.fit(dataset, steps=50, lamb=1e-3, progress=False)
    variables = [f"$x_{i}$" for i in (1, 2, 3, 4)]
    network = model.draw(in_vars=variables, out_vars=["$f$"])
    figure, (one,) = axes(width=3, height=2.6)
    one.bar(variables, model.feature_score, color=SECOND, width=0.6)
    one.set_title("feature_score", size=9)
    save_row([network, figure], name, gap=0.6)


def make_names(name: str) -> None:
    """Show what three functions make of one trained edge."""
    dataset = create_dataset(hello, n_var=2)
    model = KAN(width=[2, 1, 1], grid=3, k=3, seed=0)
    model.fit(dataset, steps=50, progress=False)
    model = model.refine(10)
    model.fit(dataset, steps=50, progress=False)
    x, y = (torch.as_tensor(values) for values in model.get_fun(0, 0, 0))
    plt.close("all")
    figure, row = axes(3, width=2.6, height=2.2, sharey=True)
    for one, function in zip(row, ("sin", "x^3", "tanh")):
        (a, b, c, d), r2 = fit_params(x, y, SYMBOLIC_LIB[function].torch_fun, verbose=False)
        one.plot(x, y, color=PALE, lw=4)
        one.plot(x, c * SYMBOLIC_LIB[function].torch_fun(a * x + b) + d, color=ACCENT, lw=1.2)
        one.set_title(f"{function}: r2 = {float(r2):.7f}".rstrip("0"), size=9)
    save(figure, name)


def make_moons(name: str) -> None:
    """Draw two half moons with the border between them, and the network."""
    inputs, labels = make_moons_data(n_samples=400, noise=0.15, random_state=0)
    dataset = create_dataset_from_data(inputs, labels)
    model = KAN(width=[2, 2], grid=3, k=3, seed=0)
    model.fit(dataset, steps=20, loss_fn=torch.nn.CrossEntropyLoss(), progress=False)
    network = model.draw(in_vars=NAMES, out_vars=["one", "other"])
    figure, (one,) = axes(width=3.6, height=2.8)
    across, up = torch.meshgrid(torch.linspace(-1.6, 2.6, 200), torch.linspace(-1.1, 1.6, 200), indexing="xy")
    with torch.no_grad():
        scores = model(torch.stack([across.flatten(), up.flatten()], dim=1))
    one.contour(across, up, (scores[:, 1] - scores[:, 0]).view(across.shape), levels=[0], colors=INK)
    for kind, colour in ((0, SECOND), (1, ACCENT)):
        one.plot(*inputs[labels == kind].T, ".", ms=3, color=colour)
    one.set(xlabel=NAMES[0], ylabel=NAMES[1])
    save_row([figure, network], name, gap=0.6)


def make_tree(name: str) -> None:
    """Draw the tree of a function of four variables."""
    x = torch.rand(200, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    figure = plot_tree(
        lambda x: torch.exp(x[:, 0] * x[:, 2]) + (x[:, 1] ** 2 + x[:, 3] ** 2) ** 2,
        x,
        in_var=["a", "b", "c", "d"],
        verbose=False,
    )
    save_row([figure], name)


PICTURES: dict[str, Callable[[str], None]] = {
    "hello.png": make_hello,
    "edge.png": make_edge,
    "product.png": make_product,
    "grids.png": make_grids,
    "adaptive.png": make_adaptive,
    "penalties.png": make_penalties,
    "attribution.png": make_attribution,
    "names.png": make_names,
    "moons.png": make_moons,
    "tree.png": make_tree,
}


def main() -> int:
    """Make the pictures that the command line names, by default all."""
    unknown = set(sys.argv[1:]) - set(PICTURES)
    if unknown:
        sys.stderr.write(f"there are {', '.join(PICTURES)}; not {', '.join(sorted(unknown))}\n")
        return 2
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    mpl.use("agg")
    for name in sys.argv[1:] or PICTURES:
        PICTURES[name](name)
        sys.stdout.write(f"{name}: {(HERE / name).stat().st_size // 1000} kB\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
