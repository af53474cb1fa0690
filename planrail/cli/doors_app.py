"""Doors app: the commands that open the house's doors to others: mcp, serve, console, card, install."""

# ruff: noqa: PLC0415  # every import below the top is late on purpose, as in `planrail.cli.app`

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planrail.cli.mcp_option import McpConfig
from planrail.cli.output import output_of

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
NoWorker = Annotated[bool, typer.Option("--no-worker", help="Carry no runs on here: workers do.")]

doors = typer.Typer()


@doors.command()
def mcp(no_worker: NoWorker = False, mcp_config: McpConfig = None) -> int:
    """Serve runs and tools to an MCP client at stdin and stdout (Claude Desktop, Claude Code, …)."""
    from planrail.cli import serving

    return serving.mcp(worker=not no_worker)


@doors.command()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="The port; 0 takes any that is free.")] = 8700,
    grpc_port: Annotated[int | None, typer.Option("--grpc-port", help="A2A over gRPC too, at that port.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="A2A 1.0 alone, none of 0.3.")] = False,
    no_worker: NoWorker = False,
    mcp_config: McpConfig = None,
    conformance: Annotated[bool, typer.Option("--conformance", hidden=True)] = False,  # the official suite's fixtures
    as_json: AsJson = False,
) -> int:
    """Serve an A2A agent at /, MCP at /mcp, the console at /console, and probes, until Ctrl-C or SIGTERM."""
    output = output_of(context, as_json)
    from planrail.cli import serving

    return serving.serve(
        output, host=host, port=port, grpc_port=grpc_port, strict=strict, worker=not no_worker, fixtures=conformance
    )


@doors.command()
def console(
    context: typer.Context,
    at: Annotated[str, typer.Option("--at", metavar="ADDRESS", help="The server's.")] = "http://127.0.0.1:8700",
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    as_json: AsJson = False,
) -> int:
    """Tell the way into the console of a server that runs: its address, with a link that is good once."""
    output = output_of(context, as_json)
    from planrail.cli import consoling

    return consoling.console(output, address=at, open_it=open_it)


@doors.command()
def card(
    context: typer.Context,
    sign: Annotated[
        Path | None, typer.Option("--sign", metavar="KEY", help="Sign with this private key (PEM) instead.")
    ] = None,
    url: Annotated[str, typer.Option("--url", help="Where the agent is reached; by default as configured.")] = "",
    as_json: AsJson = False,
) -> int:
    """Show this agent's A2A card as it is served, and check it; exit 1 where something is wrong with it."""
    output = output_of(context, as_json)
    from planrail.cli import carding

    return carding.card(output, sign=sign, url=url)


@doors.command()
def install(
    context: typer.Context,
    client: Annotated[str, typer.Argument(help="claude-desktop or claude-code.")],
    only_print: Annotated[bool, typer.Option("--print", help="Show the entry, and change nothing.")] = False,
    file: Annotated[Path | None, typer.Option("--file", help="Another file than the client's own.")] = None,
    as_json: AsJson = False,
) -> int:
    """Make an MCP client start `planrail mcp`."""
    output = output_of(context, as_json)
    from planrail.cli import installing

    return installing.install(output, client, only_print=only_print, file=file)
