"""The hello example, stage by stage with a stopwatch: one run, in the library that this interpreter calls `kan`.

``hello.py`` runs this text with this library and with pykan 0.2.8, so it keeps to what both understand. It prints one
line of JSON, the last of its output. Pictures and checkpoints go into the working directory.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import sys
import time
from collections.abc import Iterator

LIBRARY = ["x", "x^2", "x^3", "x^4", "exp", "log", "sqrt", "tanh", "sin", "abs"]
STEPS = 50
SEED = 42

seconds: dict[str, float] = {}
rmse: dict[str, float] = {}


@contextlib.contextmanager
def stage(name: str) -> Iterator[None]:
    """Time a stage, and keep what it prints away from the result."""
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        yield
    seconds[name] = time.perf_counter() - start


with stage("import torch"):
    import torch

    torch.optim.SGD([torch.zeros(1)])  # torch's first optimiser makes it import a thousand more of its files

with stage("import kan"):
    import kan

# pykan imports these with itself, this library when they are needed; neither is part of a stage.
with stage("import matplotlib, sympy"):
    import matplotlib.pyplot as plt
    import sympy

    sympy.Symbol("x") + 1  # sympy's first sum makes it import its tensors
    # Python's garbage collector goes through the hundred thousands of objects of the imports sooner or later: here, and
    # not in whatever stage happens to be next.
    gc.collect()

plt.switch_backend("agg")
torch.set_num_threads(int(sys.argv[1]))
torch.set_default_dtype(torch.float64)

with stage("create"):
    dataset = kan.create_dataset(lambda x: torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2)
    model = kan.KAN(width=[2, 5, 1], grid=3, k=3, seed=SEED)

with stage("fit with penalties"):
    results = model.fit(dataset, opt="LBFGS", steps=STEPS, lamb=0.001)
    rmse["fit with penalties"] = float(results["test_loss"][-1])

with stage("plot"):
    model.plot()
    plt.savefig("network.png")
    plt.close("all")

with stage("prune, fit"):
    model = model.prune()
    results = model.fit(dataset, opt="LBFGS", steps=STEPS)
    rmse["prune, fit"] = float(results["test_loss"][-1])

with stage("refine, fit"):
    model = model.refine(10)
    results = model.fit(dataset, opt="LBFGS", steps=STEPS)
    rmse["refine, fit"] = float(results["test_loss"][-1])

with stage("auto_symbolic"):
    model.auto_symbolic(lib=LIBRARY)

with stage("symbolic fit"):
    results = model.fit(dataset, opt="LBFGS", steps=STEPS)
    rmse["symbolic fit"] = float(results["test_loss"][-1])

with stage("formula"):
    formula = str(kan.ex_round(model.symbolic_formula()[0][0], 4))

print(
    json.dumps(
        {
            "seconds": seconds,
            "rmse": rmse,
            "formula": formula,
            "width": [nodes[0] for nodes in model.width],
            "versions": {"python": sys.version.split()[0], "torch": torch.__version__},
            "file": kan.__file__,
        }
    )
)
