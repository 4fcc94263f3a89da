"""A step length that satisfies the strong Wolfe conditions, for one-dimensional restrictions of a loss.

Implements algorithms 3.5 (bracketing) and 3.6 (zoom) of Nocedal & Wright, *Numerical Optimization* (2nd edition,
2006), with the cubic interpolation of their equation 3.59. Three additions make it safe for training:

- a loss of infinity (which stands for anything that is not finite) shortens the step and is never accepted;
- the search gives up once the decrease that is left in the bracket cannot be seen in the loss's own precision,
  so that a converged model does not cost 25 evaluations a step;
- when the evaluations run out, the best decrease found so far is accepted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

SUFFICIENT_DECREASE, CURVATURE = 1e-4, 0.9
"""The constants c1 and c2 of the strong Wolfe conditions, 0 < c1 < c2 < 1."""
SHRINK = 0.1
"""Factor of the step when the loss at its end is not finite, so that interpolation has nothing to work with."""
EDGE = (0.01, 0.1)
"""Interpolated steps keep this relative distance from the low and from the high end of the bracket."""
GROWTH = (1.1, 10.0)
"""Range of the factor by which a step grows while the loss is still falling steeply."""


class Trial(NamedTuple):
    """One evaluated step: its length, the loss there and the loss's slope along the direction."""

    step: float
    loss: float
    slope: float


def cubic_minimiser(first: Trial, second: Trial) -> float:
    """Return the minimiser of the cubic through two values and slopes, NaN where it has none.

    Parameters
    ----------
    first, second : Trial
        Two evaluations with different steps.

    Returns
    -------
    float
        The step at which the cubic has its local minimum (Nocedal & Wright, equation 3.59).

    Examples
    --------
    >>> cubic_minimiser(Trial(0.0, 1.0, -2.0), Trial(3.0, 4.0, 4.0))  # (t - 1)**2
    1.0
    """
    width = second.step - first.step
    secant = first.slope + second.slope - 3.0 * (second.loss - first.loss) / width
    discriminant = secant * secant - first.slope * second.slope
    if not 0.0 <= discriminant < math.inf:
        return math.nan
    root = math.copysign(math.sqrt(discriminant), width)
    denominator = second.slope - first.slope + 2.0 * root
    if denominator == 0.0:
        return math.nan
    return second.step - width * (second.slope + root - secant) / denominator


class StrongWolfeSearch:
    """Search for a step t with f(t) <= f(0) + c1 t f'(0) and |f'(t)| <= c2 |f'(0)|.

    Parameters
    ----------
    evaluate : callable
        Maps a step length to its :class:`Trial`; the loss is infinite where it, or its gradient, is not finite.
    keep : callable
        Called with the trial just evaluated when it may be accepted later, after other trials; the caller stores
        what belongs to it (the parameters and the gradient).
    start : Trial
        The trial at step 0, with a negative slope.
    max_evaluations : int
        The budget of one search.
    resolution : float
        Relative precision of the loss; differences of the order ``resolution * |loss|`` are rounding.

    Examples
    --------
    >>> parabola = lambda t: Trial(t, (t - 1.0) ** 2, 2.0 * (t - 1.0))
    >>> search = StrongWolfeSearch(parabola, lambda trial: None, parabola(0.0))
    >>> search.run(8.0).step
    1.0
    """

    def __init__(
        self,
        evaluate: Callable[[float], Trial],
        keep: Callable[[Trial], None],
        start: Trial,
        *,
        max_evaluations: int = 25,
        resolution: float = 2.0**-52,
    ) -> None:
        self._evaluate = evaluate
        self._keep = keep
        self._start = start
        self._decrease = SUFFICIENT_DECREASE * start.slope
        self._flat = -CURVATURE * start.slope
        self._left = max_evaluations
        self._resolution = resolution
        self._best = start

    def run(self, first_step: float) -> Trial | None:
        """Return the accepted trial, or None where no step lowers the loss.

        Parameters
        ----------
        first_step : float
            The positive step to try first.
        """
        low, step = self._start, first_step
        while self._left:
            trial = self._try(step)
            if not self._falls(trial) or (low is not self._start and trial.loss >= low.loss):
                return self._zoom(low, trial)
            if abs(trial.slope) <= self._flat:
                return trial
            self._retain(trial)
            if trial.slope >= 0.0:
                return self._zoom(trial, low)
            step = _longer_step(low, trial)
            low = trial
        return self._fallback()

    def _zoom(self, low: Trial, high: Trial) -> Trial | None:
        """Narrow a bracket whose low end is the best step so far until an acceptable step is found."""
        older_width = previous_width = math.inf
        while self._left:
            width = abs(high.step - low.step)
            if width * abs(low.slope) <= self._resolution * abs(low.loss):
                break
            # Interpolation that has not taken a third off the bracket in two trials is not to be trusted.
            bisect = width > 0.66 * older_width
            older_width, previous_width = previous_width, width
            step = 0.5 * (low.step + high.step) if bisect else _step_inside(low, high)
            if step in (low.step, high.step):
                break
            trial = self._try(step)
            if not self._falls(trial) or trial.loss >= low.loss:
                if low is self._start and trial.loss < self._best.loss:
                    self._retain(trial)
                high = trial
                continue
            if abs(trial.slope) <= self._flat:
                return trial
            self._retain(trial)
            if trial.slope * (high.step - low.step) >= 0.0:
                high = low
            low = trial
        return self._fallback()

    def _try(self, step: float) -> Trial:
        """Evaluate one step and count it."""
        self._left -= 1
        return self._evaluate(step)

    def _falls(self, trial: Trial) -> bool:
        """Tell whether the loss has fallen enough for the length of the step (the first Wolfe condition)."""
        return trial.loss <= self._start.loss + self._decrease * trial.step

    def _retain(self, trial: Trial) -> None:
        """Make the trial the one that is accepted if nothing better comes."""
        self._best = trial
        self._keep(trial)

    def _fallback(self) -> Trial | None:
        """Return the best decrease seen, if there was one."""
        return self._best if self._best.loss < self._start.loss else None


def _longer_step(low: Trial, trial: Trial) -> float:
    """Return a step beyond `trial`, by extrapolation of the cubic through both."""
    shortest, longest = GROWTH[0] * trial.step, GROWTH[1] * trial.step
    step = cubic_minimiser(low, trial)
    # No minimiser ahead means that the slope is still getting steeper.
    if not step > trial.step:
        return longest
    return min(max(step, shortest), longest)


def _step_inside(low: Trial, high: Trial) -> float:
    """Return a step strictly between the ends of the bracket, by interpolation where possible."""
    width = high.step - low.step
    if high.loss == math.inf:
        return low.step + SHRINK * width
    fraction = (cubic_minimiser(low, high) - low.step) / width
    if math.isnan(fraction):
        fraction = 0.5
    return low.step + min(max(fraction, EDGE[0]), 1.0 - EDGE[1]) * width
