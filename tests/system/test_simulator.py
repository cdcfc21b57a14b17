"""The simulated cloud in a separate process, with a real server behind TLS."""

import shutil
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.command_line import CHANNEL, ORIGIN, SECRET_KEY, TENANT, CommandLine
from tests.support.server_process import Server, serving
from tests.support.simulator_process import (
    AGENT_BAR,
    APP_KEY,
    APP_SECRET,
    CHAT,
    CUSTOMER_CHAT,
    PAGE,
    Simulator,
    register,
    simulating,
)
from tests.support.tls_front import tls_front
from validator.operations.certificates.cer import read_cer
from validator.operations.certificates.localca import CERTIFICATE
from validator.operations.simulator.certificate import trusting

FAILED = "thirdParty validate failed and the errorMessage is "
AGENT_COOKIES = {"sum_atime", "sum_refresh_token", "sum_sid", "sum_token"}


@dataclass(frozen=True)
class Stage:
    """Both sides: the enterprise's command line and server, and the cloud's."""

    validator: CommandLine
    server: Server
    simulator: Simulator

    def agent(self) -> dict[str, str]:
        """Return what the page of an agent's bar posts."""
        issued = self.validator("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7").json()
        return {name: issued[name] for name in ("access_token", "tenantSpaceId", "userAccount")}

    def customer(self) -> dict[str, str]:
        """Return what the page of a customer's chat posts."""
        subject = ("--user-id", "customer-7", "--user-name", "李伟")
        issued = self.validator("tokens", "issue", "--tenant", TENANT, *subject).json()
        fields = ("thirdUserToken", "thirdUserName", "thirdUserId", "tenantSpaceId")
        return {**{name: issued[name] for name in fields}, "channelConfigId": CHANNEL, "locale": "zh"}

    def guest(self) -> dict[str, str]:
        """Return what the page of a guest's chat posts, its signature made by the server."""
        greeted = self.server.ask("POST", "/webchat/guest", headers={"Origin": ORIGIN})
        cookie = greeted.headers["Set-Cookie"].partition(";")[0]
        values = {
            "thirdUserName": "Guest",
            "thirdUserId": greeted.json()["thirdUserId"],
            "tenantSpaceId": TENANT,
            "channelConfigId": CHANNEL,
        }
        headers = {"Origin": ORIGIN, "Cookie": cookie}
        signed = self.server.ask("POST", "/webchat/authorizationService", json=values, headers=headers)
        assert signed.status_code == 200, signed.text
        return {**values, "locale": "en", "thirdPartAuthorization": signed.text}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Yield both sides, which know of each other what each would; tests share them."""
    folder = tmp_path_factory.mktemp("stage")
    validator = CommandLine(folder / "home")
    validator.did("init")
    validator.did("tenants", "add", TENANT)
    validator.did("channels", "add", CHANNEL, "--tenant", TENANT, "--origin", ORIGIN, stdin=SECRET_KEY)
    certificate = trustme.CA().issue_cert("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    # Handed over is the server's own certificate, not the authority that signed it.
    handed_over = certificate.cert_chain_pems[0].bytes()
    with (
        serving(validator.home) as server,
        tls_front(server.bind, context) as authority,
        simulating(register(folder, authority, handed_over)) as simulator,
    ):
        yield Stage(validator, server, simulator)


def cookies_of(answer: httpx2.Response) -> dict[str, str]:
    """Return the cookies that *answer* sets, each with its attributes."""
    lines = [line.partition("=") for line in answer.headers.get_list("set-cookie")]
    return {name: attributes for name, _, attributes in lines}


def test_agent_is_let_in(stage: Stage) -> None:
    """With a good token the agent's page gets the bar's script and the four cookies of a cross-site frame."""
    answer = stage.simulator.post(AGENT_BAR, stage.agent())

    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("application/javascript")
    assert "ccbarclient" in answer.text
    cookies = cookies_of(answer)
    assert cookies.keys() == AGENT_COOKIES
    assert all("Secure" in text and "SameSite=None" in text for text in cookies.values())


def test_customer_is_let_in_by_both_scripts(stage: Stage) -> None:
    """The same token is asked about twice, for the two scripts of the chat; the second sets the cookie."""
    asked = stage.customer()

    first, second = stage.simulator.post(CUSTOMER_CHAT, asked), stage.simulator.post(CHAT, asked)

    assert [first.status_code, second.status_code] == [200, 200]
    assert cookies_of(first) == {}
    assert cookies_of(second).keys() == {"ccmessaging-token"}


def test_guest_is_let_in(stage: Stage) -> None:
    """The signature that the server made is the one that the cloud computes with the channel's key."""
    answer = stage.simulator.post(CHAT, stage.guest())

    assert answer.status_code == 200, answer.text
    assert cookies_of(answer).keys() == {"ccmessaging-token"}
    assert stage.simulator.records()[0]["details"]["stage"] == "every stage agrees"


@pytest.mark.parametrize("label", ["text/plain", "application/x-www-form-urlencoded; charset=UTF-8"])
def test_body_is_json_whatever_it_is_called(stage: Stage, label: str) -> None:
    """Some pages call JSON a form or a text; the cloud reads it all the same."""
    answer = stage.simulator.post(AGENT_BAR, stage.agent(), **{"Content-Type": label})

    assert answer.status_code == 200


@pytest.mark.parametrize("change", [{"userAccount": "somebody"}, {"access_token": "nonsense"}])
def test_refusal_has_the_enterprises_message(stage: Stage, change: dict[str, str]) -> None:
    """What the enterprise refuses is the documented error, with its message; no cookie, no script."""
    answer = stage.simulator.post(AGENT_BAR, {**stage.agent(), **change})

    assert (answer.status_code, answer.text) == (500, FAILED + "validate failed")
    assert cookies_of(answer) == {}


def test_page_without_origin_gets_null(stage: Stage) -> None:
    """Without `Origin` nobody is asked, and the message is the famous null; with it the same is let in."""
    asked = stage.agent()
    with stage.simulator.client() as browser:
        answer = browser.post(AGENT_BAR, json=asked)

    assert (answer.status_code, answer.text) == (500, FAILED + "null")
    assert stage.simulator.records()[0]["outcome"] == "refused: the request has no Origin"
    assert stage.simulator.post(AGENT_BAR, asked).status_code == 200


def test_altered_guest_is_refused_and_the_stage_is_told(stage: Stage) -> None:
    """A guest with another name than was signed is refused; the status page says where it differs."""
    answer = stage.simulator.post(CHAT, {**stage.guest(), "thirdUserName": "Other"})

    assert (answer.status_code, answer.text) == (500, FAILED + "null")
    assert stage.simulator.records()[0]["details"]["stage"] == "signature"


def test_frame_needs_the_cookie(stage: Stage) -> None:
    """The bar's frame is 401 without the agent's cookie, as when a browser blocks it, and there with it."""
    frame = AGENT_BAR.replace("js/ccbarclient.js", "bar.html")
    with stage.simulator.client() as browser:
        before = browser.get(frame)
        browser.post(AGENT_BAR, json=stage.agent(), headers={"Origin": PAGE})
        after = browser.get(frame)

    assert [before.status_code, after.status_code] == [401, 200]
    assert "agent-7" in after.text
    assert "1001" in after.text


def test_chat_goes_on_with_the_cookie(stage: Stage) -> None:
    """What a guest writes comes back with the chat's cookie, and is 401 without."""
    messages = CHAT.replace("js/newThirdPartyClient.js", "rest/messages")
    with stage.simulator.client() as browser:
        before = browser.post(messages, json={"content": "hello"})
        browser.post(CHAT, json=stage.guest(), headers={"Origin": PAGE})
        after = browser.post(messages, json={"content": "hello"})

    assert [before.status_code, after.status_code] == [401, 200]
    assert after.json() == {"name": "Guest", "content": "hello"}


@pytest.mark.parametrize(
    "path",
    ["/", "/service-cloud/", "/service-cloud/nothing.js", "//service-cloud/webclient/x", "/api/v1/login"],
)
def test_everything_else_is_not_found(stage: Stage, path: str) -> None:
    """Only the cloud's own paths are there, and a doubled slash is another path."""
    with stage.simulator.client() as browser:
        assert browser.get(browser.base_url.copy_with(raw_path=path.encode())).status_code == 404


def test_status_page_shows_exchanges_and_no_secret(stage: Stage) -> None:
    """A person sees who came and how it ended; tokens, signatures and keys are in no form of the page."""
    asked, guest = stage.agent(), stage.guest()
    stage.simulator.post(AGENT_BAR, asked)
    stage.simulator.post(CHAT, guest)

    with stage.simulator.client() as browser:
        page, records = browser.get("/status").text, browser.get("/status.json").text

    assert "agent-7" in page
    assert "let in" in page
    secrets = (asked["access_token"], guest["thirdPartAuthorization"][-64:], SECRET_KEY, APP_SECRET)
    assert [secret for secret in secrets if secret in page + records] == []
    assert [secret for secret in secrets if secret in stage.simulator.log.read_text()] == []


def test_agents_are_listed_to_the_application(stage: Stage) -> None:
    """An application's key and secret give an AccessToken, which gives the agents of its tenant."""
    credentials = {"app_key": APP_KEY, "app_secret": APP_SECRET}
    with stage.simulator.client() as enterprise:
        granted = enterprise.post(
            "/apigovernance/api/oauth/tokenByAkSk", json=credentials, headers={"X-Token-Expire": "600"}
        ).json()
        headers = {"x-app-key": APP_KEY, "Authorization": f"Bearer {granted['AccessToken']}"}
        listed = enterprise.get("/apiaccess/CC-Mangemant/v1/queryAgentInfo", headers=headers).json()

    assert (granted["ApplyType"], granted["Expires"]) == ("Bearer", "600")
    assert all(isinstance(value, str) for value in granted.values())
    assert [(one["workNo"], one["accountCode"]) for one in listed["agents"]] == [(1001, "agent-7")]


def test_enterprise_synchronises_its_agents(stage: Stage) -> None:
    """The command that asks the real cloud for its agents works against the stand-in as it is."""
    folder = stage.simulator.folder
    settings = {
        "VALIDATOR_CLOUD_API_URL": f"https://{stage.simulator.bind}",
        "VALIDATOR_CLOUD_APP_KEY": APP_KEY,
        "VALIDATOR_CLOUD_APP_SECRET_FILE": str(folder.parent / "app.secret"),
        "VALIDATOR_CLOUD_CA_FILE": str(folder / CERTIFICATE),
    }

    said = stage.validator("agents", "sync", "--tenant", TENANT, "--json", variables=settings)

    assert said.json()["listed"] == 1
    listed = stage.validator("agents", "list", "--json").json()
    assert [(agent["account_code"], agent["work_no"]) for agent in listed] == [("agent-7", "1001")]


def another_certificate(stage: Stage, folder: Path) -> Path:
    """Return a registration of the same enterprise with somebody else's certificate."""
    shutil.copytree(stage.simulator.folder.parent, folder, ignore=shutil.ignore_patterns("home*", "tls"))
    other = trustme.CA().issue_cert("127.0.0.1").cert_chain_pems[0].bytes()
    (folder / "server.cer").write_bytes(other)
    return folder / "simulator.toml"


def test_only_the_registered_certificate_is_trusted(stage: Stage, tmp_path: Path) -> None:
    """With another certificate registered the enterprise is not asked, and the status page says why."""
    with simulating(another_certificate(stage, tmp_path / "other")) as simulator:
        answer = simulator.post(AGENT_BAR, stage.agent())
        record = simulator.records()[0]

    assert (answer.status_code, answer.text) == (500, FAILED + "null")
    assert record["details"]["problem"].startswith("the certificate is not trusted")


def handshake(simulator: Simulator, name: str | None) -> str:
    """Return how a TLS handshake that asks for *name* ends."""
    context = trusting(read_cer(simulator.folder / CERTIFICATE).public_bytes(Encoding.DER))
    if name is None:
        context.check_hostname = False
    host, _, port = simulator.bind.rpartition(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        try:
            with context.wrap_socket(connection, server_hostname=name) as tls:
                return str(tls.version())
        except ssl.SSLError as error:
            return str(error.reason)


def test_stand_in_with_a_name_answers_to_it_only(stage: Stage, tmp_path: Path) -> None:
    """Like the cloud's virtual hosts: no SNI or another name is refused in the handshake."""
    folder = tmp_path / "named"
    folder.mkdir()
    file = register(folder, "127.0.0.1:9", certificate(stage), names='["cloud.example"]')
    with simulating(file) as simulator:
        ends: dict[str, Any] = {
            str(name): handshake(simulator, name) for name in ("cloud.example", "other.example", None)
        }

    assert ends == {
        "cloud.example": "TLSv1.3",
        "other.example": "TLSV1_UNRECOGNIZED_NAME",
        "None": "TLSV1_UNRECOGNIZED_NAME",
    }


def certificate(stage: Stage) -> bytes:
    """Return the certificate that the enterprise handed over."""
    return (stage.simulator.folder.parent / "server.cer").read_bytes()


def test_authority_is_kept(stage: Stage, tmp_path: Path) -> None:
    """Started again, the stand-in has the authority that was trusted before; its key is private."""
    file = register(tmp_path, "127.0.0.1:9", certificate(stage))
    with simulating(file) as simulator:
        before = (simulator.folder / CERTIFICATE).read_bytes()
    with simulating(file) as simulator:
        after = (simulator.folder / CERTIFICATE).read_bytes()

    assert before == after
    assert {
        (simulator.folder / name).stat().st_mode & 0o777 for name in ("ca-key.pem", "server-key.pem")
    } == {0o600}
