"""Stock edge3 and this project under the same faults, side by side, in one run. `make bench-faults`."""
