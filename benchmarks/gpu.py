"""Checks layers on a GPU against the processor, and times them: one short script for a machine that has one.

    python benchmarks/gpu.py                         everything, some two minutes
    python benchmarks/gpu.py --largest 512 --output gpu.md

Three parts. Results and gradients on the device are compared with those of the processor in double precision.
`torch.compile` has to make one graph that serves batches of any size. And square layers of 256 to 4096 are timed
forward and backward, with the bases by the Triton kernels and by the recursion, beside the floor: the bare products of
matrices that the formulation needs. Memory is the most that is allocated at once beyond the layer and its input.

``--device cpu`` goes through the same steps without a GPU, to try the script. `layers.py --device cuda` compares with
other libraries.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from unittest.mock import patch

import torch
from torch import Tensor, nn

from kan import KAN, KANLayer
from kan.spline import fused

ROUNDS = 5
DEGREE = 3
FINE = 50
AT_ONCE = 2**27  # numbers in a matrix of the floor
TOLERANCE = {torch.float32: 2e-4, torch.float64: 1e-10}


@contextmanager
def by_recursion() -> Iterator[None]:
    """Let layers evaluate their bases without the kernels."""
    with patch.object(fused, "has_kernels", lambda *_, **__: False):
        yield


def make_layer(size: int, *, grid: int, device: str, dtype: torch.dtype) -> KANLayer:
    """Return a square layer whose knots have moved, for then they are not uniform."""
    layer = KANLayer(size, size, num=grid, generator=torch.Generator().manual_seed(0)).to(dtype)
    sample = torch.randn(512, size, generator=torch.Generator().manual_seed(1), dtype=dtype)
    layer.update_grid_from_samples(sample)
    return layer.to(device)


def evaluate(layer: KANLayer, x: Tensor) -> list[Tensor]:
    """Return the outputs, and the gradients of their mean square with respect to inputs and parameters."""
    x = x.detach().requires_grad_()
    y = layer.forward_sum(x)
    wanted = [x, *(p for p in layer.parameters() if p.requires_grad)]
    return [y.detach(), *torch.autograd.grad(y.square().mean(), wanted)]


def check_results(device: str) -> Iterator[str]:
    """Compare with the processor in double precision; yield the lines of a table."""
    yield "| dtype | intervals | bases | largest error, relative |"
    yield "|---|---:|---|---:|"
    for dtype, bound in TOLERANCE.items():
        for grid in (5, 20, 50):
            reference = make_layer(64, grid=grid, device="cpu", dtype=torch.float64)
            x = torch.randn(3000, 64, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
            exact = evaluate(reference, x)
            layer = make_layer(64, grid=grid, device="cpu", dtype=torch.float64).to(device, dtype)
            for name, found in both_ways(lambda layer=layer, x=x, dtype=dtype: evaluate(layer, x.to(device, dtype))):
                errors = [
                    (one.double().cpu() - other).abs().max() / other.abs().max() for one, other in zip(found, exact)
                ]
                error = float(torch.stack(errors).max())  # NaN where there is one
                yield f"| {str(dtype)[6:]} | {grid} | {name} | {error:.1e} |"
                if not error < bound:
                    raise SystemExit(f"The error is above {bound:.0e}.")


def both_ways(call: Callable[[], list[Tensor]]) -> Iterator[tuple[str, list[Tensor]]]:
    """Yield the results of a call with the kernels and with the recursion."""
    yield "kernels", call()
    with by_recursion():
        yield "recursion", call()


def check_compile(device: str) -> Iterator[str]:
    """Train through `torch.compile` with batches of different sizes; yield what happened."""
    torch._dynamo.reset()
    model = KAN(width=[8, 16, 1], seed=0, auto_save=False).to(device)
    plain = KAN(width=[8, 16, 1], seed=0, auto_save=False).to(device)
    compiled = torch.compile(model, fullgraph=True, dynamic=True)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    x = torch.rand(4096, 8, device=device)
    difference = 0.0
    for number, size in enumerate((1000, 1500, 700, 4096)):
        if number == 0:
            difference = float((compiled(x[:size]) - plain(x[:size])).detach().abs().max())
        optimiser.zero_grad()
        nn.functional.mse_loss(compiled(x[:size]), x[:size, :1]).backward()
        optimiser.step()
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    yield ""
    yield f"torch.compile: {graphs} graphs for 4 batch sizes, outputs differ from eager ones by {difference:.1e}"
    yield ""


def timed(call: Callable[[], object], device: str) -> tuple[float, float]:
    """Return the median of the milliseconds that a call takes, and the MiB that it needs at once."""
    is_gpu = device.startswith("cuda")
    call()
    wait = torch.cuda.synchronize if is_gpu else lambda: None
    before = torch.cuda.memory_allocated() if is_gpu else 0
    if is_gpu:
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for _ in range(ROUNDS):
        wait()
        start = time.perf_counter()
        call()
        wait()
        seconds.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated() - before if is_gpu else 0
    return 1e3 * sorted(seconds)[ROUNDS // 2], peak / 2**20


def time_floor(size: int, samples: int, *, grid: int, device: str) -> float:
    """Return the milliseconds of the products of a forward and a backward pass, with the inputs in blocks."""
    rows = grid + DEGREE + 1
    inputs = max(1, min(size, AT_ONCE // (samples * rows)))
    features, weights = (torch.randn(inputs * rows, columns, device=device) for columns in (samples, size))
    sums = torch.randn(size, samples, device=device)

    def products() -> None:
        torch.mm(weights.T, features)
        torch.mm(features, sums.T)
        torch.mm(weights, sums)

    return timed(products, device)[0] * size / inputs


def time_layers(device: str, largest: int) -> Iterator[str]:
    """Time square layers; yield the lines of a table."""
    yield "| layer | samples | kernels (ms) | recursion (ms) | floor (ms) | kernels (MiB) | recursion (MiB) |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    shapes = [(size, samples, 5) for size in (256, 1024, 4096) for samples in (1024, 8192, 65536)]
    shapes += [(size, 8192, grid) for size in (256, 1024) for grid in (FINE, 4 * FINE)]
    for size, samples, grid in shapes:
        if size > largest:
            continue
        layer = make_layer(size, grid=grid, device=device, dtype=torch.float32)
        x = torch.randn(samples, size, device=device)
        kernels, kernel_memory = timed(lambda layer=layer, x=x: evaluate(layer, x), device)
        with by_recursion():
            recursion, recursion_memory = timed(lambda layer=layer, x=x: evaluate(layer, x), device)
        products = time_floor(size, samples, grid=grid, device=device)
        name = f"[{size}, {size}]" + ("" if grid == 5 else f", G = {grid}")
        yield (
            f"| {name} | {samples} | {kernels:.2f} | {recursion:.2f} | {products:.2f} "
            f"| {kernel_memory:.0f} | {recursion_memory:.0f} |"
        )
        del layer, x


def main() -> None:
    """Run the three parts, print them, and write them into a file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--largest", type=int, default=4096, help="inputs and outputs of the largest layer")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        raise SystemExit("There is no GPU here. `--device cpu` goes through the same steps without one.")
    name = torch.cuda.get_device_name() if options.device.startswith("cuda") else "no GPU"
    torch.backends.cuda.matmul.allow_tf32 = False
    lines = chain(
        [f"{name}, torch {torch.__version__}, single precision without TF32, 5 intervals, cubic", ""],
        check_results(options.device),
        check_compile(options.device),
        time_layers(options.device, options.largest),
    )
    text = ""
    for line in lines:
        print(line, flush=True)
        text += line + "\n"
        if options.output is not None:  # as far as it has come
            options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
