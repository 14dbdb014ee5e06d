"""Tests, by floor: unit, integration, packaging, e2e; what they stand on is in `support`."""
