"""One module per area; each has ``cases()`` that yields entries with a goal."""
