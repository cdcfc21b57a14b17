"""The snippet for pages of other sites: the question of the portal's pages, then the cloud's scripts."""

from urllib.parse import urlsplit

from validator.cobrowse import sources

NONCE = "NONCE"
_SNIPPET = """\
<!-- Co-browsing with {host}. Only on pages that an agent may see: never with passwords, payments or secrets.
     Replace {nonce} by the nonce of the response, and add to the page's Content-Security-Policy:
     {policy} -->
<button type="button" id="cobrowse-share" data-cloud="{cloud}" hidden>Share this page with the agent</button>
<script nonce="{nonce}">
(() => {{
"use strict";
{script}
offerSharing({given});
}})();
</script>
"""


def policy(cloud: str) -> str:
    """Return what a page's Content-Security-Policy needs for the scripts of *cloud*, an origin."""
    socket = f"wss://{urlsplit(cloud).netloc}"
    return f"script-src 'nonce-{NONCE}' {cloud}; connect-src {cloud} {socket}; img-src {cloud} data: blob:"


def snippet(cloud: str) -> str:
    """Return the HTML for a page of another site, with the scripts of *cloud*, an origin."""
    modules = (sources.SHARE, sources.QUESTION, sources.OFFER)
    context = sources.literal(f"{cloud}/service-cloud")
    return _SNIPPET.format(
        cloud=cloud,
        host=urlsplit(cloud).netloc,
        nonce=NONCE,
        policy=policy(cloud),
        script="\n".join(map(sources.module, modules)).rstrip(),
        given=f'{{ button: document.getElementById("cobrowse-share"), context: {context} }}',
    )
