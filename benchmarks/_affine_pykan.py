"""What affine.py runs in pykan's environment: its brute-force fit of edges, and the time that takes.

    PYTHON _affine_pykan.py edges.npz THREADS NAME...

reads arrays ``x0, y0, x1, y1, ...`` and prints, for every edge, a line of JSON: the seconds, and a, b, c, d by name.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch

from kan.utils import SYMBOLIC_LIB, fit_params

path, threads, *names = sys.argv[1:]
torch.set_default_dtype(torch.float64)
torch.set_num_threads(int(threads))
arrays = np.load(path)
for number in range(len(arrays.files) // 2):
    x, y = (torch.from_numpy(arrays[f"{letter}{number}"]) for letter in "xy")
    start = time.perf_counter()
    params = {name: fit_params(x, y, SYMBOLIC_LIB[name][0], verbose=False)[0].tolist() for name in names}
    print(json.dumps({"seconds": time.perf_counter() - start, "params": params}), flush=True)
