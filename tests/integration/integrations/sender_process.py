"""One replica of the sender of webhooks in a process of its own, to be killed: ``… MONGO_URI NAME``."""

import eventlet

eventlet.monkey_patch()

import random  # noqa: E402
import sys  # noqa: E402

from services.integrations.domain.scope import Scope  # noqa: E402
from services.integrations.webhooks.dispatching import Means  # noqa: E402
from services.integrations.webhooks.requesting import Client  # noqa: E402
from services.integrations.webhooks.sealing import Seal  # noqa: E402
from services.integrations.webhooks.sender import Sender  # noqa: E402
from shared.clock import SystemClock, wall_clock  # noqa: E402
from shared.storage.mongo import connect, own_database  # noqa: E402
from shared.storage.unit_of_work import UnitOfWork  # noqa: E402
from tests.integration.integrations.sending import ALLOWED, KEY  # noqa: E402

#: Real seconds for a request, and that a lease lasts beyond it: short, since each kill costs as much.
DEADLINE, BEYOND = 1.0, 1.0

if __name__ == "__main__":
    uri, name = sys.argv[1:]
    work = UnitOfWork(own_database(connect(uri, name)), SystemClock())
    means = Means(work, Client(ALLOWED, DEADLINE), Seal(KEY), lambda _reader, _name: Scope(), wall_clock, random.random)
    Sender(means, name, BEYOND).run()
