"""``python -m sandbox.onec``: a simulated infobase until Ctrl-C."""

from __future__ import annotations

from typing import Any

import click

from sandbox.onec.app import OneCSandbox
from sandbox.onec.odata_schema import CONFIGURATIONS
from sandbox.onec.settings import SESSION_MODES, Settings


@click.command()
@click.option("--port", type=int, default=0, help="0 takes a free one.")
@click.option("--profile", default="demo", show_default=True, help="How slow: fast, demo, real, or fixed:MILLISECONDS.")
@click.option("--season", default="demo", show_default=True, help="demo, tiny, or big:PERFORMANCES.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--login", default="обмен", show_default=True)
@click.option("--password", default="пароль1", help="The default is known to every client of the sandbox.")
@click.option("--licences", type=int, default=8, show_default=True, help="How many sessions may live at once.")
@click.option("--sessions", "session_mode", type=click.Choice(SESSION_MODES), default="use", show_default=True)
@click.option("--configuration", type=click.Choice(list(CONFIGURATIONS)), default="ut11", help="What OData shows.")
@click.option("--webhook", default="none", expose_value=False, type=click.Choice(["none"]), help="1C calls nobody.")
def main(port: int, profile: str, **switches: Any) -> None:
    """Run a simulated 1C infobase on 127.0.0.1 and print one JSON line once it is ready."""
    try:
        server = OneCSandbox(Settings(latency=profile, **switches), port)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    season = server.settings.season
    addresses = {"wsdl_url": f"{server.service_url}?wsdl", "odata_url": server.odata_url}
    server.serve_forever(service_url=server.service_url, **addresses, season=season)


if __name__ == "__main__":
    main()
