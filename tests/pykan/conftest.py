"""Keep pytest's doctest collection from running the scripts; a test runs them."""

collect_ignore = ["scripts"]
