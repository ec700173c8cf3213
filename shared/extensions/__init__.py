"""The backbone as nameko extensions: what a service declares as attributes to stand on it.

nameko stays at this edge: domains, storage and messaging know nothing of it.
"""

from shared.extensions.caller import Caller
from shared.extensions.calls import Calls
from shared.extensions.consumer import consumes
from shared.extensions.health import Health
from shared.extensions.rpc import answers
from shared.extensions.work import Work

__all__ = ["Caller", "Calls", "Health", "Work", "answers", "consumes"]
