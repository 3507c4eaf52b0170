"""What of a run goes into its record."""
