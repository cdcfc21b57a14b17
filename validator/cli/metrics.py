"""`validator metrics`: this server's metrics for Prometheus, served or printed once."""

import os
import sys
from math import isfinite

import click

from validator.cli.frame import Command, Group, load_settings, opened, paths
from validator.cli.output import json_option, say, show
from validator.cli.privileges import become_owner_of
from validator.cli.process import check_free, prepare_process
from validator.operations.monitoring.exposition import text
from validator.operations.monitoring.state import everything
from validator.settings.environment import export
from validator.shipped import shipped


@click.group(cls=Group)
def metrics() -> None:
    """Serve or show the metrics for Prometheus."""


@metrics.command(cls=Command, examples=["validator metrics serve --bind 127.0.0.1:9464"])
@click.option("--bind", help="Address:port or unix:/path; else the setting metrics.bind.")
def serve(bind: str | None) -> None:
    """Serve /metrics in a separate process beside the server, until SIGTERM.

    This host always has access. An address that other hosts reach needs metrics.networks, the allowed ones.
    """
    export(load_settings().home, paths()[1], {"metrics.bind": bind} if bind else {})
    with opened(any_schema=True) as services:  # reports a missing home once, in words
        check_free(services.settings.metrics.bind)
    prepare_process()
    become_owner_of(load_settings().home)
    configuration = str(shipped("config/metrics.conf.py"))
    os.execv(  # noqa: S606 - every word is ours
        sys.executable, [sys.executable, "-P", "-m", "gunicorn", "--config", configuration]
    )


@metrics.command("show", examples=["validator metrics show"])
@json_option
def show_metrics(as_json: bool) -> None:
    """Print every metric once in Prometheus' text format, for people and for a textfile collector."""
    with opened(any_schema=True) as services:
        if not as_json:
            say(*text(services)[0].decode().removesuffix("\n").split("\n"))
            return
        rows = [
            {
                "name": metric.name,
                "type": metric.type,
                "help": metric.documentation,
                "samples": [
                    {
                        "name": sample.name,
                        "labels": sample.labels,
                        "value": sample.value if isfinite(sample.value) else None,
                    }
                    for sample in metric.samples
                ],
            }
            for metric in everything(services)
        ]
        show(rows, as_json=True)
