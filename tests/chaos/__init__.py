"""Everything dies, again and again, under load; in the end a ledger is audited. `make chaos MINUTES=n SEED=s`."""
