"""Export formats that are declared in YAML instead of written in SQL."""
