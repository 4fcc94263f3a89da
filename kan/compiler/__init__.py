"""From sympy to network: expressions compiled to networks that equal them to rounding.

`kan` itself does not import this package, for it needs sympy from the start. A star import gives what
it gives in pykan for scripts to go on with.
"""

import numpy as np
import sympy
import torch

from kan.compiler.affine import next_nontrivial_operation
from kan.compiler.build import expr2kan, kanpiler, sf2kan

__all__ = ["expr2kan", "kanpiler", "next_nontrivial_operation", "np", "sf2kan", "sympy", "torch"]
