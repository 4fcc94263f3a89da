"""From sympy to network: expressions compiled to networks that equal them to rounding.

`kan` itself does not import this package, for it needs sympy from the start.
"""

from kan.compiler.affine import next_nontrivial_operation
from kan.compiler.build import expr2kan, kanpiler, sf2kan

__all__ = ["expr2kan", "kanpiler", "next_nontrivial_operation", "sf2kan"]
