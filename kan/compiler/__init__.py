"""From sympy to network: expressions compiled to networks that equal them to rounding.

`kan` itself does not import this package, for it needs sympy from the start. A star import gives what
it gives in pykan for scripts to go on with.
"""

from typing import TYPE_CHECKING

import numpy as np
import sympy
import torch

from kan.common import algebra
from kan.common.lazy import lazy_name as __getattr__  # noqa: F401 - Python calls it
from kan.compiler.affine import next_nontrivial_operation
from kan.compiler.build import expr2kan, kanpiler, sf2kan
from kan.models import MultKAN

if TYPE_CHECKING:
    from kan.common.algebra import *  # noqa: F403 - its names are added to `__all__`

__all__ = ["MultKAN", "expr2kan", "kanpiler", "next_nontrivial_operation", "np", "sf2kan", "sympy", "torch"]
__all__ += algebra.__all__
