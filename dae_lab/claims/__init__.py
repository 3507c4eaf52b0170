"""Claims: what is stated before the runs, and decided by them."""
