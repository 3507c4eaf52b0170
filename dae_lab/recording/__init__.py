"""What is recorded of a run: its setup, its curves, its model, its evaluation."""
