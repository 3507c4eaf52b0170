"""The report: one HTML page a run, with all that its evaluation found, in numbers and pictures."""
