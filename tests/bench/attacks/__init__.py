"""The same attacks on stock edge3 and on this project, in one run, for `docs/benchmarks-attacks.md`."""
