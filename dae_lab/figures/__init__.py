"""Pictures of results. The only room that imports matplotlib; it knows arrays and titles, no models."""
