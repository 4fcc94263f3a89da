"""From edges to functions with names, and from these to a formula."""

from kan.formula.assemble import symbolic_formula
from kan.formula.fix import fix_symbolic, unfix_symbolic, unfix_symbolic_all
from kan.formula.simplify import SimplifiedFormula, simplify_formula
from kan.formula.suggest import auto_symbolic, suggest_symbolic

__all__ = [
    "SimplifiedFormula",
    "auto_symbolic",
    "fix_symbolic",
    "simplify_formula",
    "suggest_symbolic",
    "symbolic_formula",
    "unfix_symbolic",
    "unfix_symbolic_all",
]
