"""The report: one HTML page a run, with its evaluation in numbers and pictures."""
