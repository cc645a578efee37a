"""Health check of a container: exit code 0 if the service named on the command line can serve now."""

import os
import sys
import urllib.error
import urllib.request

TIMEOUT_S = 3

url = f"http://127.0.0.1:{os.environ.get('TILLSTREAM_PORT', '8080')}/{sys.argv[1]}/readyz"
try:
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        sys.exit(answer.status != 200)
except (urllib.error.URLError, TimeoutError) as error:
    sys.exit(f"{url}: {error}")
