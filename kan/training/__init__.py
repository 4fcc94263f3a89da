"""Training: the fit loop, penalties, the grid schedule and the optimisers."""
