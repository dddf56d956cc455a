"""Groups of commands that are imported only when one of them is asked for."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup


def lazy_group(module: str) -> type[TyperGroup]:
    """A group whose commands stand in the variable `app` of a module."""

    class LazyGroup(TyperGroup):
        def _load(self) -> None:
            if not self.commands:
                loaded: Any = typer.main.get_command(import_module(module).app)
                self.commands.update(loaded.commands)

        def list_commands(self, ctx: Any) -> list[str]:
            self._load()
            return list(self.commands)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            self._load()
            return super().get_command(ctx, cmd_name)

    return LazyGroup
