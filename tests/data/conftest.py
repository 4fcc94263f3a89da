"""Keep pytest's doctest collection from importing the script, which needs real pykan."""

collect_ignore = ["make_pykan_checkpoints.py"]
