"""Mistakes that others have made, made here on purpose: for each there must be a test that does not let it pass."""
