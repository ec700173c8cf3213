"""``python -m deploy.images [--offline] [--python IMAGE] [SERVICE …]``: build the images of the services."""

import argparse
import subprocess
import sys
import time

from deploy.engine.engine import Engine, EngineError
from deploy.engine.packages import CannotInstall
from deploy.images import building, stand_ins
from deploy.images.environment import write_settings


def main(arguments: list[str]) -> int:
    """Build; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.images", description="Build the images of the services.")
    parser.add_argument("--offline", action="store_true", help="make stand-ins of the base images; needs no registry")
    parser.add_argument("--python", metavar="IMAGE", help="base image of the services; else PYTHON_IMAGE, .env")
    parser.add_argument(
        "--version", metavar="TAG", help="tag of the images; else SPEEDMENTOR_VERSION, .env, the product's"
    )
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.services) - set(building.IMAGES)
    if unknown:
        parser.error(f"no such image: {', '.join(sorted(unknown))}; there are {', '.join(building.IMAGES)}")
    try:
        print(Engine().start(), flush=True)
        if chosen.offline:
            stand_ins.ensure()
            print(f"Compose uses the stand-ins from now on: see {write_settings(stand_ins.settings())}", flush=True)
        began = time.monotonic()
        for tag, size in building.build(chosen.services or building.IMAGES, chosen.python, chosen.version):
            print(f"built {tag}, {size / 1e6:.0f} MB", flush=True)
        print(f"all images built in {time.monotonic() - began:.0f} s", flush=True)
    except (EngineError, CannotInstall, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
