"""``python -m deploy.local up|down|status|chromium``: what ``make`` calls."""

import sys

from deploy.local.errors import LaunchError
from deploy.local.infrastructure import Infrastructure, sweep
from deploy.local.machine import installing
from deploy.local.space import RUN


def main(arguments: list[str]) -> int:
    """Do as the one argument says; returns the exit status."""
    try:
        match arguments:
            case ["up"]:
                _show(Infrastructure().up(keep=True))
            case ["down"]:
                Infrastructure().down()
                sweep(RUN)
            case ["status"]:
                _show(Infrastructure())
            case ["chromium"]:
                installing.chromium()
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except LaunchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _show(infrastructure: Infrastructure) -> None:
    for name, text in infrastructure.status().items():
        print(f"{name:20} {text}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
