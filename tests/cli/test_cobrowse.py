"""`validator cobrowse`: the snippet and the extension, for the configured cloud or another one."""

from pathlib import Path

from tests.support.command_line import CommandLine, check_misused, check_refused

CLOUD = ("--cloud", "https://cloud.example.net")
SITE = ("--site", "https://shop.example.com/*")
CONFIGURED = {
    "VALIDATOR_PROXY_CLOUD_HOST": "aicc.example.net",
    "VALIDATOR_PROXY_CLOUD_PORT": "8443",
    "VALIDATOR_PROXY_CLOUD_ADDRESS": "192.0.2.7:8443",
}


def test_snippet_is_for_the_configured_cloud(nowhere: CommandLine) -> None:
    """No home is needed; --cloud wins over the settings."""
    assert (
        'data-cloud="https://aicc.example.net:8443"'
        in nowhere("cobrowse", "snippet", variables=CONFIGURED).out
    )
    assert (
        'data-cloud="https://cloud.example.net"'
        in nowhere("cobrowse", "snippet", *CLOUD, variables=CONFIGURED).out
    )


def test_cloud_must_be_known(nowhere: CommandLine) -> None:
    """Without a cloud there is nothing to print; one without TLS is a slip."""
    check_refused(nowhere("cobrowse", "snippet"), "no cloud is configured")
    check_misused(nowhere("cobrowse", "snippet", "--cloud", "http://cloud.example.net"))
    check_misused(nowhere("cobrowse", "snippet", "--cloud", "https://cloud.example.net/path"))


def test_extension_is_built_and_described(nowhere: CommandLine, tmp_path: Path) -> None:
    """What is printed is the note in the folder."""
    script, out = tmp_path / "cobrowse.js", tmp_path / "made"
    script.write_text("var CoBrowse = {};")

    said = nowhere("cobrowse", "extension", *CLOUD, *SITE, "--sdk", str(script), "--out", str(out))

    assert (said.code, said.err) == (0, "")
    assert said.out == (out / "NOTE.txt").read_text()
    assert (out / "cobrowse.js").read_text() == "var CoBrowse = {};"
    again = nowhere("cobrowse", "extension", *CLOUD, *SITE, "--sdk", str(script), "--out", str(out))
    check_refused(again, "nothing is overwritten")


def test_extension_has_one_source_of_the_script(nowhere: CommandLine, tmp_path: Path) -> None:
    """Packaged or remote: naming neither or both is a slip."""
    script, out = tmp_path / "cobrowse.js", ("--out", str(tmp_path / "made"))
    script.write_text("other")
    sdk = ("--sdk", str(script))

    check_misused(nowhere("cobrowse", "extension", *CLOUD, *SITE, *out))
    check_misused(nowhere("cobrowse", "extension", *CLOUD, *SITE, *sdk, "--remote", *out))
    check_misused(nowhere("cobrowse", "extension", *CLOUD, *SITE, *sdk, "--release", "1.0-beta", *out))
    check_refused(nowhere("cobrowse", "extension", *CLOUD, "--site", "<all_urls>", *sdk, *out), "<all_urls>")
    assert not (tmp_path / "made").exists()
    assert "does not mention CoBrowse" in nowhere("cobrowse", "extension", *CLOUD, *SITE, *sdk, *out).err
