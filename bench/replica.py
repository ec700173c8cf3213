"""One replica for a benchmark: ``python -m bench.replica ours``, ``replayer``, ``stock AMQP_URI MONGO_URI WORKERS``."""

import sys

from shared.process import log, run  # makes the standard library cooperative: before what follows


def run_stock(amqp_uri: str, mongo_uri: str, workers: int) -> None:
    """Run the stock replica until killed."""
    from nameko.containers import ServiceContainer

    from bench.replicas import Stock
    from shared.storage.mongo import connect, own_database

    Stock.database = own_database(connect(mongo_uri, "stock"))
    container = ServiceContainer(Stock, {"AMQP_URI": amqp_uri, "max_workers": workers})
    container.start()
    log.info("started")
    container.wait()


if __name__ == "__main__":
    if sys.argv[1] in ("ours", "replayer"):
        run("bench.replicas:Ours" if sys.argv[1] == "ours" else "bench.replicas:Replaying")
    else:
        run_stock(sys.argv[2], sys.argv[3], int(sys.argv[4]))
