"""The command ``speedmentor``: the operators' own commands, and those that each part of the product brings.

A part brings a command as an entry point of the group ``speedmentor.commands``; it is imported only when used.
"""

from importlib.metadata import EntryPoint, entry_points

import click

from shared.operations.check_command import check
from shared.operations.dead_letters_command import dead_letters
from shared.operations.integrators_command import integrator
from shared.operations.replay_command import replay
from shared.operations.webhooks_command import webhook

GROUP = "speedmentor.commands"


class Commands(click.Group):
    """The sum of what is built in and what is brought."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted({*super().list_commands(ctx), *_brought()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command called so."""
        own = super().get_command(ctx, cmd_name)
        entry = _brought().get(cmd_name)
        if own is not None or entry is None:
            return own
        loaded: click.Command = entry.load()
        return loaded


def _brought() -> dict[str, EntryPoint]:
    return {each.name: each for each in entry_points(group=GROUP)}


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="speedmentor", message="%(version)s")
def main() -> None:
    """Speed mentoring at many sites: plan, check, and look after a running system."""


main.add_command(check)
main.add_command(dead_letters)
main.add_command(replay)
main.add_command(integrator)
main.add_command(webhook)
