"""What watches a server in a test: `validator metrics serve`, a real Prometheus, and its tool."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import orjson
from prometheus_client.parser import text_string_to_metric_families as parse

from tests.architecture.source import CHECKOUT
from tests.conftest import require_package
from tests.support.command_line import clean_environment
from tests.support.server_process import Server, free_bind, stop, wait_until

DEBIAN_PACKAGE = "prometheus"
RULES = CHECKOUT / "deploy" / "prometheus" / "validator.rules.yml"
EXAMPLE = CHECKOUT / "deploy" / "prometheus" / "scrape.example.yml"
TARGET = "127.0.0.1:9464"  # what the example asks


def promtool(*words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    """Run Prometheus' own tool; skip the test where it is not installed."""
    require_package(DEBIAN_PACKAGE, found=shutil.which("promtool") is not None)
    command = ["promtool", *words]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)


@contextmanager
def watched(
    home: Path, *, bind: str | None = None, variables: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Give what shows the metrics of *home*; it answers already, and is stopped at the end."""
    bind = bind or free_bind()
    log = home.parent / f"{home.name}-metrics.log"
    environment = {**clean_environment(), "VALIDATOR_HOME": str(home), **(variables or {})}
    command = [sys.executable, "-m", "validator", "metrics", "serve", "--bind", bind]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream, cwd=home)
    server = Server(process, bind, log)
    try:
        wait_until(lambda: _is_answering(server), "the metrics are shown")
        yield server
    finally:
        stop(process)


def values(text: str) -> dict[tuple[str, ...], float]:
    """Return each sample's value by its name and its labels' values."""
    return {
        (sample.name.removeprefix("validator_"), *sample.labels.values()): sample.value
        for family in parse(text)
        for sample in family.samples
    }


def shown(server: Server) -> dict[tuple[str, ...], float]:
    """Return what *server* shows, by name and labels' values."""
    return values(server.ask("GET", "/metrics").text)


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[httpx2.Client]:
    """Give a real Prometheus with the example's configuration, which asks *target* every second."""
    require_package(DEBIAN_PACKAGE, found=shutil.which("prometheus") is not None)
    bind = free_bind()
    shutil.copy(RULES, folder)
    example = EXAMPLE.read_text("utf-8").replace(TARGET, target)
    example = example.replace("scrape_interval: 30s", "scrape_interval: 1s").replace(
        "timeout: 10s", "timeout: 1s"
    )
    configuration = folder / "prometheus.yml"
    configuration.write_text("global: {evaluation_interval: 1s}\n" + example)
    command = ["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address={bind}"],
            env={"PATH": os.environ["PATH"]},
            stdout=log,
            stderr=log,
        )
    try:
        with httpx2.Client(base_url=f"http://{bind}/api/v1") as client:
            yield client
    finally:
        stop(process)


def asked(client: httpx2.Client, path: str, **parameters: str) -> Any:
    """Return the data of Prometheus' answer; None while it does not answer."""
    try:
        answer = client.get(path, params=parameters)
    except httpx2.TransportError:
        return None
    return orjson.loads(answer.content).get("data") if answer.status_code == 200 else None


def _is_answering(server: Server) -> bool:
    assert server.process.poll() is None, server.log.read_text()
    try:
        server.connect().close()
    except OSError:
        return False
    return server.ask("GET", "/metrics").status_code == 200
