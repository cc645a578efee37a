"""How often a serving process looks for garbage: rarely, and not among what it loaded at its start."""

from __future__ import annotations

import gc

# Python's own threshold of 700 objects makes it search several times within one request, and now and then through
# everything that the modules hold. Reference counting frees nearly all; measured by `python -m tests.bench sales`, the
# slowest of a hundred sales took 4 times as long as the middle one before, and 1.6 to 1.9 times with these.
_YOUNG_OBJECTS = 20_000
_YOUNG_SEARCHES = 20
_OLD_SEARCHES = 50


def spare_requests_the_search() -> None:
    """Call once everything is loaded, before requests are served. What lives now is never searched again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, _YOUNG_SEARCHES, _OLD_SEARCHES)
