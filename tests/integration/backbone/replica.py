"""One process of a test service: ``python -m tests.integration.backbone.replica {echo|hearer}``.

``BREAK_AT`` names a point of :mod:`breaking` where it is to die.
"""

import os
import sys

from shared.process import run
from tests.integration.backbone import breaking

if __name__ == "__main__":
    breaking.install(os.environ.get("BREAK_AT", ""))
    run(f"tests.integration.backbone.echo_service:{sys.argv[1].capitalize()}")
