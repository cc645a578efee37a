"""The pages themselves. NiceGUI is imported with the first of them that somebody opens."""
