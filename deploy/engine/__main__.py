"""``python -m deploy.engine start|stop|status``."""

import sys

from deploy.engine.engine import Engine, EngineError

USAGE = "usage: python -m deploy.engine start | stop | status"


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit status."""
    engine = Engine()
    try:
        match arguments:
            case ["start"]:
                print(engine.start())
            case ["stop"]:
                print(engine.stop())
            case ["status"]:
                print(engine.status())
            case _:
                print(USAGE, file=sys.stderr)
                return 2
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
