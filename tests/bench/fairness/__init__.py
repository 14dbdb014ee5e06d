"""One agent floods: what that costs the others, measured. `make bench-fairness`."""
