"""Pure rules of the pages: how figures are written, what states are called, which day is meant."""
