"""Command lines. Heavy imports stay inside functions, so that --help answers at once."""
