"""The snippet for pages of other sites."""

import re

from validator.cobrowse.snippet import policy, snippet
from validator.escaping import escaped

CLOUD = "https://cloud.example.net"
SDK = "/resource.root/cobrowse/sdk/cobrowse.js"
COMMON = "/webclient/chat_client/js/cobrowseCommon.js"


def test_snippet_has_the_scripts_in_the_documented_order() -> None:
    """cobrowse.js, then cobrowseCommon.js; neither is an element of the page before the question."""
    text = snippet(CLOUD)

    assert 0 < text.index(SDK) < text.index(COMMON)
    assert " src=" not in text
    assert re.findall(r"<script[^>]*>", text) == ['<script nonce="NONCE">']
    assert f'context: "{CLOUD}/service-cloud" }}' in text


def test_snippet_is_one_classic_script() -> None:
    """It can be pasted: no import or export is left, and nothing ends the element early."""
    text = snippet(CLOUD)

    assert not re.search(r"^(import|export) ", text, re.MULTILINE)
    assert text.count("</script>") == 1


def test_policy_is_narrow() -> None:
    """The cloud's origin only; nothing inline without the nonce."""
    assert policy(CLOUD) in snippet(CLOUD)
    assert not re.search(r"unsafe|https:(?!//)|\*", policy(CLOUD))


def test_snippet_is_printed_as_it_is() -> None:
    """The command's output, whose lines are escaped, is the snippet itself."""
    assert [escaped(line) for line in snippet(CLOUD).splitlines()] == snippet(CLOUD).splitlines()
