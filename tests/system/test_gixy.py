"""An analyser of nginx's configuration, gixy, finds nothing in what is rendered, and what is planted."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from tests.support import vendor_nginx
from tests.support.nginx_renderings import (
    EVERYTHING,
    WITH_CALLBACKS,
    WITH_CLIENT_CA,
    WITH_CLOUD,
    render,
    settings_of,
)
from tests.support.vendor_nginx import Form, Upstream
from validator.operations.proxy import nginx

RENDERINGS: Mapping[str, Mapping[str, str]] = {
    "least": {},
    "with the cloud": WITH_CLOUD,
    "with the cloud under a prefix": {**WITH_CLOUD, "proxy.prefix": "/demo"},
    "callbacks apart": WITH_CALLBACKS,
    "client certificates": WITH_CLIENT_CA,
    "static pages": {"proxy.document_root": "pages", "proxy.acme_root": "acme"},
    "an address": {"proxy.origin": "https://192.0.2.7:8443"},
    "without limits": {"limits.other_address": "off", "limits.guest_address": "off"},
    "everything": EVERYTHING,
    "everything for a newer nginx": {**EVERYTHING, "proxy.nginx_version": "1.26"},
}
# Its findings about other things than safety, by the name of the check.
NOT_ABOUT_SAFETY = {
    "try_files_is_evil_too": "wants a cache of open files, for speed; a removed page would stay for a minute",
}
# The low one that remains, with the reason.
LOW = {
    "default_server_flag": "plain HTTP for any other name may as well be redirected to the portal",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What gixy found: its severity, the name of the check, and why."""

    severity: str
    check: str
    reason: str


def found_in(folder: Path) -> list[Finding]:
    """Return what gixy finds in the nginx.conf of *folder* and in what that includes."""
    command = [sys.executable, "-m", "gixy", "--format", "json", str(folder / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert done.returncode in (0, 1), done.stderr.decode()
    findings = [
        Finding(one["severity"], one["plugin"], f"{one['reason']}: {one['config']}")
        for one in orjson.loads(done.stdout or b"[]")
    ]
    assert not [one for one in findings if one.check == "syntax"], findings
    return [one for one in findings if one.check not in NOT_ABOUT_SAFETY]


def grave(findings: list[Finding]) -> list[Finding]:
    """Return those of *findings* that are more than low."""
    return [one for one in findings if one.severity not in ("LOW", "UNSPECIFIED")]


def write(folder: Path, settings: Mapping[str, str], edits: Mapping[str, str] | None = None) -> None:
    """Render *settings* into *folder*, each text of *edits* replaced by what somebody planted."""
    files = dict(render(settings_of(settings)))
    for old, new in (edits or {}).items():
        assert old in files["validator.conf"]
        files["validator.conf"] = files["validator.conf"].replace(old, new)
    nginx.write(files, folder)


@pytest.mark.parametrize("name", RENDERINGS)
def test_nothing_grave_is_found(tmp_path: Path, name: str) -> None:
    """No rendering has a finding that is more than low."""
    write(tmp_path, RENDERINGS[name])

    assert grave(found_in(tmp_path)) == []


def test_low_findings_are_known(tmp_path: Path) -> None:
    """What is found at all is known by name, with the reason why it stays."""
    write(tmp_path, EVERYTHING)

    assert {one.check for one in found_in(tmp_path)} <= LOW.keys()


PLANTED = {
    "a host from the request": (
        "proxy_pass http://validator_people/healthz;",
        "proxy_pass http://$http_host;",
        "ssrf",
    ),
    "a header from the path": (
        "add_header X-Request-ID $request_id always;",
        "add_header X-Request-ID $uri always;",
        "http_splitting",
    ),
    "the version": (
        "    server_tokens off;\n",
        "    server_tokens on;\n",
        "version_disclosure",
    ),
    "old tls": ("ssl_protocols TLSv1.2 TLSv1.3;", "ssl_protocols TLSv1 TLSv1.2;", "weak_ssl_tls"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_fault_is_found(tmp_path: Path, name: str) -> None:
    """The analyser reads what is rendered, the included file too: a fault that is planted there is found."""
    old, new, check = PLANTED[name]
    write(tmp_path, {}, {old: new})

    assert check in {one.check for one in grave(found_in(tmp_path))}


def test_vendors_form_is_found(tmp_path: Path) -> None:
    """The vendor's form of the proxy has grave findings, which ours has not."""
    upstreams = {form: Upstream("127.0.0.1:9", "cloud.example.net") for form in Form}
    text = vendor_nginx.render(dict.fromkeys(Form, 8443), upstreams)
    (tmp_path / "nginx.conf").write_text(text, "utf-8")

    assert grave(found_in(tmp_path))
