"""One module per area; each has ``cases()`` that yields entries with an expected figure."""
