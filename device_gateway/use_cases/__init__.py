"""One verb per file. Each works in a step of the journal that its edge opens: a message, a request or a worker."""
