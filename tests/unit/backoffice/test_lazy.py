"""A till's start does not wait for pages that nobody has opened."""

from __future__ import annotations

import subprocess
import sys


def test_the_service_is_there_without_nicegui_and_its_pages_bring_it() -> None:
    code = (
        "import sys, services.backoffice.service; assert 'nicegui' not in sys.modules;"
        "import services.backoffice.pages.mounted; assert 'nicegui' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
