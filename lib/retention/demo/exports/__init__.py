"""One module per export format that the simulated shop writes."""
