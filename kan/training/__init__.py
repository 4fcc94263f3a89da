"""Training: the fit loop, penalties, the grid schedule and the optimisers."""

from kan.training.data import Expectation
from kan.training.fit import StopRule, Training
from kan.training.lbfgs import LBFGS
from kan.training.levenberg_marquardt import LevenbergMarquardt
from kan.training.outcome import warn_if_hopeless, warn_unless_finite
from kan.training.penalties import penalty
from kan.training.perceptron import PerceptronObjective, perceptron_penalty
from kan.training.schedule import GridSchedule
from kan.training.starts import StartSearch

__all__ = [
    "LBFGS",
    "Expectation",
    "GridSchedule",
    "LevenbergMarquardt",
    "PerceptronObjective",
    "StartSearch",
    "StopRule",
    "Training",
    "penalty",
    "perceptron_penalty",
    "warn_if_hopeless",
    "warn_unless_finite",
]
