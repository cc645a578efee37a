"""The groups of commands of `tillstream`, one module each."""
