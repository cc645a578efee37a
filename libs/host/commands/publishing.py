"""`tillstream topology` and `tillstream openapi`: what the code says about its queues and its HTTP interfaces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.tree import Tree

from libs.host.console import out

openapi = typer.Typer(no_args_is_help=True, help="The OpenAPI documents of the services.")


def topology() -> None:
    """Show what must exist on the broker: exchanges, streams, each consumer's queues and what they are bound to.

    Use it to see who listens to what, or to compare with a broker's own list. It connects to nothing;
    `tillstream migrate` makes it so.

    Example: `tillstream topology`
    """
    from libs.bus.topology import Topology
    from libs.host.migration import consumers_of
    from libs.host.registry import all_services
    from libs.host.settings import HostSettings, load_settings

    settings = load_settings(HostSettings)
    plan = Topology(settings.bus)
    tree = Tree("broker")
    for name, kind in plan.exchanges().items():
        tree.add(f"exchange [bold]{name}[/bold] ({kind})")
    for stream in plan.streams():
        tree.add(f"stream [bold]{stream.name}[/bold] <- {', '.join(binding.exchange for binding in stream.bindings)} #")
    for consumer in consumers_of(all_services(), settings):
        branch = tree.add(f"consumer [bold]{consumer.name}[/bold]")
        for queue in plan.queues(consumer):
            leaf = branch.add(f"queue {queue.name}")
            for binding in queue.bindings:
                leaf.add(f"{binding.exchange} {binding.routing_key}")
    out.print(tree)


@openapi.command("export")
def export(
    folder: Annotated[Path, typer.Option("--folder", help="Where to write.")] = Path("build/openapi"),
) -> None:
    """Write the OpenAPI document of every service as <service>.json.

    Use it to generate a client, or to hand the API to an integrator. A running service serves the same document at
    /<service>/openapi.json.

    Example: `tillstream openapi export --folder docs`
    """
    from libs.host.migration import unconnected_services
    from libs.host.registry import all_services
    from libs.host.settings import HostSettings, load_settings

    folder.mkdir(parents=True, exist_ok=True)
    for service in unconnected_services(all_services(), load_settings(HostSettings)):
        path = folder / f"{service.definition.name}.json"
        text = json.dumps(service.app.openapi(), indent=2, ensure_ascii=False) + "\n"
        path.write_text(text, encoding="utf-8")
        out.print(f"Wrote {path}")
