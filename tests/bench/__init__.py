"""The benchmark: stock edge3 and this project side by side, in one run, on one machine. `make bench`."""
