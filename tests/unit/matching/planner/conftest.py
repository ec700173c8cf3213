"""Lets the tests of this folder share their own, independent reading of the contract."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
