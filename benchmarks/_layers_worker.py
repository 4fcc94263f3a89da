"""The contestants of ``layers.py``: builds networks of one library after another and times them on request.

``layers.py`` runs this text with this library's interpreter and with that of pykan 0.2.8, so it keeps to what both
understand. Requests come as lines of JSON and are answered by lines of JSON. Between requests a worker does nothing, so
that the contestants of both run in turns.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

Step = Callable[[], Any]

LAMB = 0.001
LONGEST = 5.0  # seconds for one request
MOST_EDGES = 10_000  # a loop over more edges in Python takes minutes


class Contestant:
    """A network of some library, and how to take its loss."""

    def __init__(self, model: nn.Module, x: Tensor, y: Tensor) -> None:
        self.model, self.x, self.y = model, x, y
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def forward(self) -> Any:
        with torch.no_grad():
            return self.model(self.x)

    def loss(self) -> Tensor:
        return nn.functional.mse_loss(self.model(self.x), self.y)

    def training(self) -> None:
        self.clear()
        self.loss().backward()

    def penalties(self) -> None:
        self.clear()
        self.penalised_loss().backward()

    def penalised_loss(self) -> Tensor:
        raise NotImplementedError("no penalties")

    def clear(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None


class Kan(Contestant):
    """A network of pykan, or of this library, which goes by the same names."""

    def __init__(self, x: Tensor, y: Tensor, *, width: list[int], grid: int, knots: str, **_: Any) -> None:
        kan = importlib.import_module("kan")
        torch.set_default_dtype(x.dtype)
        model = kan.KAN(width=list(width), grid=grid, k=3, seed=0, auto_save=False)
        torch.set_default_dtype(torch.float32)
        model.to(x.dtype)
        model.to(x.device)  # pykan takes one thing at a time
        if knots == "adaptive":
            model.update_grid_from_samples(x)
        super().__init__(model, x, y)


class Here(Kan):
    """What is measured here; with and without penalties an evaluation is one of those that `fit` makes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.points: dict[float, Any] = {}

    def fit(self) -> None:
        self.evaluate(0.0)

    def penalties(self) -> None:
        self.evaluate(LAMB)

    def evaluate(self, lamb: float) -> None:
        from kan.training.objective import Objective

        if lamb not in self.points:  # as `fit` does until the grids move
            self.points[lamb] = Objective(self.model, None, None, lamb, {}, {}).at(self.x, self.y, repeatedly=True)
        self.clear()
        self.points[lamb].differentiate()


class HereCompiled(Kan):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        torch._dynamo.reset()
        self.model = torch.compile(self.model, fullgraph=True, dynamic=True)
        # Compiling is no part of what is timed; with gradients it is another graph.
        self.forward()
        self.training()


class Pykan(Kan):
    """pykan by default, which goes through all symbolic edges in a loop of Python."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.model.symbolic_enabled = kan_edges(options["width"]) <= MOST_EDGES

    def forward(self) -> Any:
        self.check()
        return super().forward()

    def training(self) -> None:
        self.check()
        super().training()

    def check(self) -> None:
        if not self.model.symbolic_enabled:
            raise NotImplementedError(f"more than {MOST_EDGES} symbolic edges, which it goes through one by one")

    def penalised_loss(self) -> Tensor:
        # As pykan's own `fit` does where no edge is symbolic.
        enabled, self.model.symbolic_enabled = self.model.symbolic_enabled, False
        prediction = self.model(self.x)
        penalty = self.model.get_reg("edge_forward_spline_n", 1.0, 2.0, 0.0, 0.0)
        self.model.symbolic_enabled = enabled
        return nn.functional.mse_loss(prediction, self.y) + LAMB * penalty


class PykanSpeed(Kan):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.model.speed()


class EfficientKan(Contestant):
    def __init__(self, x: Tensor, y: Tensor, *, width: list[int], grid: int, knots: str, **_: Any) -> None:
        module = importlib.import_module("efficient_kan.kan")
        model = module.KAN(width, grid_size=grid, spline_order=3).to(x)
        if knots == "adaptive":
            model(x, update_grid=True)
        super().__init__(model, x, y)


class FastKan(Contestant):
    def __init__(self, x: Tensor, y: Tensor, *, width: list[int], **_: Any) -> None:
        module = importlib.import_module("fastkan.fastkan")
        super().__init__(module.FastKAN(width, num_grids=8).to(x), x, y)


class Mlp(Contestant):
    """An MLP of the same width."""

    def __init__(self, x: Tensor, y: Tensor, *, width: list[int], **_: Any) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs in zip(width, width[1:]):
            layers += [nn.SiLU(), nn.Linear(inputs, outputs)]
        super().__init__(nn.Sequential(*layers[1:]).to(x), x, y)


class LargeMlp(Mlp):
    """An MLP of about the same number of parameters: wider hidden layers, or one where there are none."""

    def __init__(self, x: Tensor, y: Tensor, *, width: list[int], grid: int, **options: Any) -> None:
        target = kan_parameters(width, grid)
        hidden = width[1:-1] or [1]
        factor = 1.0

        def widened(factor: float) -> list[int]:
            return [width[0], *(max(1, round(factor * nodes)) for nodes in hidden), width[-1]]

        while mlp_parameters(widened(factor)) < target:
            factor *= 1.01
        super().__init__(x, y, width=widened(factor), **options)


class Floor(Contestant):
    """The bare matrix products of a network: outputs, gradients of weights, of features but those of the data."""

    def __init__(self, x: Tensor, y: Tensor, *, width: list[int], grid: int, **_: Any) -> None:
        super().__init__(nn.Identity(), x, y)
        self.layers = []
        for inputs, outputs in zip(width, width[1:]):
            rows = inputs * (grid + 3 + 1)
            weights, features, sums = (
                torch.rand(shape).to(x) for shape in ((outputs, rows), (rows, len(x)), (outputs, len(x)))
            )
            self.layers.append((weights, features, sums, torch.empty_like(weights), torch.empty_like(features)))

    def forward(self) -> None:
        for weights, features, sums, _, _ in self.layers:
            torch.mm(weights, features, out=sums)

    def training(self) -> None:
        self.forward()
        for layer, (weights, features, sums, for_weights, for_features) in enumerate(self.layers):
            torch.mm(sums, features.T, out=for_weights)
            if layer > 0:
                torch.mm(weights.T, sums, out=for_features)


CONTESTANTS: dict[str, Callable[..., Contestant]] = {
    "here": Here,
    "here compiled": HereCompiled,
    "pykan": Pykan,
    "pykan speed": PykanSpeed,
    "efficient-kan": EfficientKan,
    "FastKAN": FastKan,
    "MLP, same width": Mlp,
    "MLP, same size": LargeMlp,
    "floor": Floor,
}


def kan_edges(width: list[int]) -> int:
    return sum(inputs * outputs for inputs, outputs in zip(width, width[1:]))


def kan_parameters(width: list[int], grid: int) -> int:
    return kan_edges(width) * (grid + 3 + 2)


def mlp_parameters(width: list[int]) -> int:
    return sum((inputs + 1) * outputs for inputs, outputs in zip(width, width[1:]))


def build(name: str, *, samples: int, width: list[int], dtype: str, device: str, **options: Any) -> Contestant:
    torch.manual_seed(0)
    x = 2 * torch.rand(samples, width[0]) - 1
    y = torch.randn(samples, width[-1])
    x, y = (tensor.to(device, getattr(torch, dtype)) for tensor in (x, y))
    return CONTESTANTS[name](x, y, width=width, **options)


CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


def timed(step: Step, *, seconds: float, clock: str, wait: Step) -> list[float]:
    """Repeat a step for some seconds, at least three times, and return how long each repetition took."""
    results: list[float] = []
    read = CLOCKS[clock]
    wait()
    start = now = read()
    while now - start < seconds or (len(results) < 3 and now - start < LONGEST):
        step()
        wait()
        before, now = now, read()
        results.append(now - before)
    return results


class Watch(TorchDispatchMode):
    """Counts the bytes of all tensors that are made and alive."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self.see(tensor.untyped_storage())
        return result

    def see(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key not in self.known:
            self.known.add(key)
            self.live += size
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self.forget, key, size)

    def forget(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.live -= size


def memory(contestant: Contestant) -> dict[str, int]:
    """Return the bytes that are kept between forward and backward, and the most that are alive at once, gradients too.

    Arrays of numpy are no tensors: their memory is counted beside.
    """
    inputs = {tensor.untyped_storage()._cdata for tensor in (contestant.x, contestant.y, *contestant.parameters)}
    for _ in range(2):  # the first time, code is loaded as well
        contestant.clear()
        contestant.model.cache_data = None
        tracemalloc.start()
        with Watch() as watch:
            watch.known |= inputs
            loss = contestant.loss()
            kept = watch.live + tracemalloc.get_traced_memory()[0]
            loss.backward()
        peak = watch.peak + tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return {"kept": kept, "peak": peak}


class Worker:
    """Keeps the contestants of one shape."""

    def __init__(self) -> None:
        self.contestants: dict[str, Contestant] = {}

    def start(self, *, name: str, **options: Any) -> dict[str, Any]:
        self.contestants[name] = build(name, **options)
        return {}

    def time(self, *, name: str, what: str, seconds: float, clock: str) -> dict[str, Any]:
        contestant = self.contestants[name]
        on_gpu = contestant.x.is_cuda
        wait = torch.cuda.synchronize if on_gpu else lambda: None  # a GPU is given work, and works later
        times = timed(getattr(contestant, what), seconds=seconds, clock=clock, wait=wait)
        return {"median": median(times), "min": min(times), "first": times[0]}

    def memory(self, *, name: str) -> dict[str, Any]:
        return memory(self.contestants[name])

    def clear(self) -> dict[str, Any]:
        self.contestants.clear()
        return {}

    def versions(self, *, device: str) -> dict[str, Any]:
        gpu = torch.cuda.get_device_name(device) if device.startswith("cuda") else ""
        return {"python": sys.version.split()[0], "torch": torch.__version__, "gpu": gpu}


def requests() -> Iterator[dict[str, Any]]:
    for line in sys.stdin:
        yield json.loads(line)


def main() -> None:
    torch.set_num_threads(int(sys.argv[1]))
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    worker = Worker()
    for request in requests():
        try:
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is told to the other side
            answer = {"failed": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
