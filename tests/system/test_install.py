"""deploy/install.md is followed as it is written, on a scratch machine with systemd."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import CHECKOUT
from tests.conftest import require_package
from tests.support import systemd_machine as scratch
from tests.support.systemd_machine import Machine, NotHere, machine

GUIDE = "deploy/install.md"
NEXT_GUIDE = "docs/register.md"
ADDRESS = "192.0.2.10"  # of the scratch machine, as the pages have it
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^## (?:(?P<number>\d+)\. )?(?P<title>.*)$", re.MULTILINE)
STEPS = [str(number) for number in range(1, 10)]
NEWER = "9.9.9"
LIBRARIES = "/opt/validator/libraries"
LOG = "/var/log/validator.txt"
VALID = '{"retCode":0,"message":"validate success"}'
PREPARED = f"""
mkdir -p {LIBRARIES} /run/systemd/system/validator@.service.d
mount --bind "$(echo {scratch.CHECKOUT}/.venv/lib/python*/site-packages)" {LIBRARIES}
printf '[Service]\\nStandardOutput=append:{LOG}\\nStandardError=append:{LOG}\\n' \\
    >/run/systemd/system/validator@.service.d/log.conf
"""
# pip has no network here: what it would fetch lies in the developers' environment already.
PIP = {
    "PIP_NO_DEPS": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # it says what --no-build-isolation sets: isolation to 0
    "PIP_NO_INDEX": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}
# An authority's certificate, which the system trusts as it would a public one, and below it the portal's.
CERTIFICATE = """
cd /etc/validator/tls
new="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 2"
openssl req -x509 $new -subj /CN=authority -addext keyUsage=critical,keyCertSign \
    -keyout $HOME/authority-key.pem -out $HOME/authority.pem
openssl req -x509 $new -subj /CN=portal.example.com -addext subjectAltName=DNS:portal.example.com \
    -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth \
    -CA $HOME/authority.pem -CAkey $HOME/authority-key.pem -keyout portal-key.pem -out portal.pem
cat $HOME/authority.pem >>portal.pem
cat $HOME/authority.pem >>/etc/ssl/certs/ca-certificates.crt
cd -
"""
NAMED = f"""
ip link set lo up
ip address add {ADDRESS}/32 dev lo
echo '{ADDRESS} portal.example.com' >>/etc/hosts
"""


def sections() -> dict[str, str]:
    """Return the text of each section of the guide, by its number or its title."""
    text = (CHECKOUT / GUIDE).read_text("utf-8")
    found = list(HEADING.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return {
        match["number"] or match["title"]: text[match.end() : end]
        for match, end in zip(found, ends, strict=True)
    }


def steps_to_register() -> dict[str, str]:
    """Return the commands of each step of the guide that comes next, by its number."""
    text = (CHECKOUT / NEXT_GUIDE).read_text("utf-8")
    found = re.split(r"^## (\d)\. .*$", text, flags=re.MULTILINE)[1:]
    return {
        number: "\n".join(
            block if fence == "sh" else "\n".join(re.findall(r"^\$ (.*)$", block, re.MULTILINE))
            for fence, block in FENCE.findall(section)
        )
        for number, section in zip(found[::2], found[1::2], strict=True)
    }


def script(section: str) -> str:
    """Return the commands of a section."""
    return "\n".join(text for fence, text in FENCE.findall(sections()[section]) if fence == "sh")


class Installation:
    """A machine, and how far the guide was followed on it."""

    def __init__(self, place: Machine) -> None:
        self.place = place
        self.outputs: dict[str, str] = {}

    def follow(self, section: str, source: str = scratch.CHECKOUT) -> str:
        """Follow a section from the folder *source*, once; return what it printed. It must end well."""
        if section not in self.outputs:
            if section == "7":
                self.did(CERTIFICATE)
            text = f"cd {source}\n{self._with_libraries(script(section))}"
            self.outputs[section] = self.did(text, **PIP)
        return self.outputs[section]

    def did(self, text: str, **variables: str) -> str:
        """Run *text*, which must end well; return what it printed."""
        done = self.place.run(text, **variables)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}\n{self.log()}"
        return done.stdout + done.stderr

    def register(self, folder: str, user: str = "root", without: tuple[str, ...] = ()) -> dict[str, str]:
        """Follow the next guide in a new *folder* as *user*, in one shell; return what each step printed."""
        self.did(NAMED if user == "root" else "true")
        steps = {number: text for number, text in steps_to_register().items() if number not in without}
        text = "\n".join(f"echo '== {number}'\n{commands}" for number, commands in steps.items())
        self.did(f"install -d -m 0700 -o {user} {folder}")
        said = self.did(f"cd {folder}\nrunuser -u {user} -- bash -euo pipefail -c {shlex.quote(text)} 2>&1")
        parts = re.split(r"^== (\d)$", said, flags=re.MULTILINE)[1:]
        return dict(zip(parts[::2], parts[1::2], strict=True))

    def ask(self, socket: str, path: str) -> str:
        """Return what a pool answers."""
        return self.did(f"curl -sS --max-time 10 --unix-socket /run/validator/{socket}.sock http://x{path}")

    def ask_as_cloud(self) -> str:
        """Return the response, through nginx, to the cloud's request about a new token."""
        lines = [line for line in script("8").splitlines() if not line.startswith("validator tenants add")]
        return self.did("\n".join(lines))

    def last_worker(self) -> str:
        """Return the class of the workers that the pool which started last has logged."""
        return self.did(f"grep -o 'Using worker: [A-Za-z_]*' {LOG} | tail -n 1").split()[-1]

    def log(self) -> str:
        """Return the end of what the services have said."""
        return self.place.run(f"tail -n 40 {LOG}").stdout

    @staticmethod
    def _with_libraries(text: str) -> str:
        """Return *text*; a new environment finds the libraries that pip does not fetch here."""
        pip = '"/opt/validator/$version/bin/pip"'
        place = '"$(echo "/opt/validator/$version"/lib/python*/site-packages)/libraries.pth"'
        text = text.replace(pip, f"PYTHONPATH={LIBRARIES} {pip}")
        return text.replace('ln -sfn "$version"', f'echo {LIBRARIES} >{place}\nln -sfn "$version"')


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Yield a machine on which the nine steps were followed."""
    require_package("systemd", found=scratch.SYSTEMD.exists())
    require_package("nginx", found=Path("/usr/sbin/nginx").exists())
    if os.geteuid() != 0 or version_of(scratch.PYTHON) != sys.version_info[:2]:
        pytest.skip("needs root, and a /usr/bin/python3 of the version that the tests run with")
    try:
        with machine(tmp_path_factory.mktemp("machine") / "scratch", CHECKOUT) as place:
            installed = Installation(place)
            installed.did(PREPARED)
            for step in STEPS:
                installed.follow(step)
            yield installed
    except NotHere as error:
        pytest.skip(str(error))


def version_of(python: Path) -> tuple[int, int]:
    """Return the version of an interpreter."""
    words = "import sys; print(*sys.version_info[:2])"
    told = subprocess.run([str(python), "-c", words], capture_output=True, text=True, check=True).stdout
    major, minor = told.split()
    return int(major), int(minor)


def test_guide_has_nine_numbered_steps() -> None:
    """The steps are numbered from one to nine, and each has a command that shows that it worked."""
    found = sections()

    assert [name for name in found if name.isdigit()] == STEPS
    assert [
        name for name in (*STEPS, "Metrics", "Upgrade", "Restore") if "It worked if" not in found[name]
    ] == []


def test_every_step_worked(installation: Installation) -> None:
    """Each step ends well, and its check prints what the guide says."""
    said = installation.outputs

    assert list(said) == STEPS
    assert "700 validator /var/lib/validator/keys" in said["3"]
    assert "700 root /etc/credstore" in said["3"]
    assert "proxy.origin" in said["4"]
    assert said["5"].count(" ok\n") == 6
    assert said["6"].count("active\n") == 2
    assert said["6"].count("660 root:www-data /run/validator/") == 2
    assert said["6"].count('"status":"ready"') == 2
    assert '{"status":"ok"}' in said["7"]
    assert VALID in said["8"]
    assert re.search(r"^600 root \d+ /var/backups/validator/", said["9"], re.MULTILINE)
    assert re.search(r"^600 root \d+ /run/validator-keys.tar", said["9"], re.MULTILINE)


def test_registration_follows_as_it_is_written(installation: Installation) -> None:
    """After the nine steps the next guide works to the letter, and nothing in the home becomes root's."""
    said = installation.register("$HOME/handed")
    owners = installation.did("find /var/lib/validator ! -user validator")

    assert list(said) == [str(number) for number in range(1, 10)]
    assert "/etc/validator/validator.toml" in said["1"]
    assert "good for portal.example.com" in said["2"]
    assert "the configuration is good" in said["3"]
    assert "PROBLEM" not in said["4"] + said["7"]
    assert "server.cer" in said["6"]
    assert "portal.example.com" in said["8"]
    assert owners == ""
    assert installation.place.run("validator cert check").returncode == 0


def test_registration_follows_for_the_services_user(installation: Installation) -> None:
    """The service's user follows the same guide, but for nginx's configuration, which only root writes."""
    said = installation.register("/run/handed", user="validator", without=("3",))
    rendered = installation.place.run(
        "runuser -u validator -- validator nginx render --out /etc/validator/nginx"
    )

    assert "only root may read it" in said["2"]
    assert "PROBLEM" not in said["4"] + said["7"]
    assert rendered.returncode != 0
    assert "/etc/validator/nginx' is not readable" in rendered.stderr


def test_files_of_roots_are_read_for_it(installation: Installation) -> None:
    """A secret and a list in root's own folder are taken; without the switch the service's user sees none."""
    installation.did(
        "umask 077; echo seven quiet rivers of jade >$HOME/password\n"
        "echo purple-otter-harbour >$HOME/list.txt"
    )
    installation.place.run("validator tenants add 202400000001")

    added = "validator accounts add from.file --tenant 202400000001 --secret-file $HOME/password"
    installation.did(added)
    installation.did("validator blocklist import $HOME/list.txt")

    assert installation.place.run(f"runuser -u validator -- {added}").returncode != 0
    assert installation.did("find /var/lib/validator ! -user validator") == ""


def test_pools_are_what_their_units_say(installation: Installation) -> None:
    """The callbacks' pool has a worker for each core, the people's one that comes after everything else."""
    cores = int(installation.did("nproc"))

    def processes(pool: str) -> list[str]:
        group = f"/sys/fs/cgroup/system.slice/system-validator.slice/validator@{pool}.service/cgroup.procs"
        return installation.did(f"for each in $(cat {group}); do ps -o user=,ni= -p $each; done").splitlines()

    callbacks, people = processes("callbacks"), processes("people")

    assert [line.split() for line in callbacks] == [["validat+", "0"]] * (cores + 1)
    assert [line.split() for line in people] == [["validat+", "10"]] * 2


@pytest.mark.slow
def test_callbacks_run_on_an_event_loop(installation: Installation) -> None:
    """By the guide the pool of the callbacks changes its worker, answers through nginx, and changes back."""
    place = "/etc/systemd/system/validator@callbacks.service.d/event-loop.conf"
    before = installation.last_worker()

    followed = installation.follow("The callbacks on an event loop")
    on_loop, answer = installation.last_worker(), installation.ask_as_cloud()
    installation.did(f"rm {place}\nsystemctl daemon-reload\nsystemctl restart validator@callbacks.service")
    on_threads, later = installation.last_worker(), installation.ask_as_cloud()

    assert "VALIDATOR_SERVER_WORKER=asgi" in followed
    assert '"status":"ready"' in followed
    assert (before, on_loop, on_threads) == ("_Worker", "_AsgiWorker", "_Worker")
    assert VALID in answer
    assert VALID in later


def test_metrics_are_shown(installation: Installation) -> None:
    """By the guide the metrics are shown on this host; from the sandbox it sees all that there is to see."""
    followed = installation.follow("Metrics")
    text = installation.did("curl -sSf http://127.0.0.1:9464/metrics")
    cores = int(installation.did("nproc"))
    outside = installation.place.run("ss -Hltn 'sport = :9464'").stdout

    assert re.findall(r"^validator_ready.* (\d)", followed, re.MULTILINE) == ["1"] * 5
    assert f'validator_workers{{role="callbacks"}} {cores}.0' in followed
    assert 'validator_workers{role="people"} 1.0' in followed
    assert followed.count("validator_worker_resident_bytes{") == cores + 1
    assert 'validator_certificate_not_after_timestamp_seconds{certificate="certificate"}' in text
    assert re.findall(r"^validator_lookup_success.* 0", text, re.MULTILINE) == []
    assert re.search(r'^validator_events_total.*event="verdict".* [1-9]', text, re.MULTILINE)
    assert "127.0.0.1:9464" in outside or not outside


def test_metrics_tell_of_a_pool_that_is_gone(installation: Installation) -> None:
    """A stopped pool has no worker, and the metrics show that."""
    installation.follow("Metrics")
    ask = "curl -sSf http://127.0.0.1:9464/metrics | grep -F 'validator_workers{role=\"people\"}'"
    installation.did("systemctl stop validator@people.socket validator@people.service")
    gone = installation.did(ask)
    installation.did("systemctl start validator@people.socket validator@people.service")

    assert gone.split()[1] == "0.0"
    assert installation.did(ask).split()[1] == "1.0"


def test_sockets_are_nginxs_alone(installation: Installation) -> None:
    """Nginx's group opens the sockets; another user, also the service's own, does not."""
    ask = "curl -sS --max-time 5 --unix-socket /run/validator/people.sock http://x/healthz"

    allowed = installation.place.run(f"setpriv --reuid www-data --regid www-data --clear-groups {ask}")
    others = [
        installation.place.run(f"setpriv --reuid {user} --regid {user} --clear-groups {ask}")
        for user in ("games", "validator")
    ]

    assert allowed.returncode == 0, allowed
    assert [done.returncode for done in others] == [7, 7]


def test_secret_reaches_the_service_and_nobody_else(installation: Installation) -> None:
    """A secret in /etc/credstore is given to the service as a file, and is in no environment or argument."""
    place, secret = "/etc/credstore/validator.limits.storage_password", "a-secret-of-redis"
    installation.did(f"printf {secret} >{place} && chmod 0600 {place}")
    installation.did("systemctl restart validator@people.service")

    pid = installation.did("systemctl show -P MainPID validator@people.service").strip()
    given = "/run/credentials/validator@people.service/limits.storage_password"
    seen = installation.did(f"nsenter -t {pid} -m cat {given}")
    environment = installation.did(f"cat /proc/{pid}/environ /proc/{pid}/cmdline")
    command = installation.place.run("validator check").returncode
    installation.did(f"rm {place} && systemctl restart validator@people.service")

    assert seen == secret
    assert secret not in environment
    assert command == 0


def test_service_can_do_nothing_else(installation: Installation) -> None:
    """In the sandbox of the unit it can write its state, and neither change nor run anything else."""
    pid = installation.did("systemctl show -P MainPID validator@callbacks.service").strip()
    user = "setpriv --reuid validator --regid validator --clear-groups"

    def is_possible(words: str) -> bool:
        inside = installation.place.run(f"nsenter -t {pid} -m -n -- {user} /bin/sh -c '{words}'")
        return inside.returncode == 0

    writable = (
        r"^/proc/self/mountinfo$|^/(proc|dev|sys|tmp|var/tmp|var/lib/validator|run/validator-metrics)(/|$)"
    )
    mounted = [line.split()[4:6] for line in installation.did(f"cat /proc/{pid}/mountinfo").splitlines()]
    open_mounts = [place for place, options in mounted if "rw" in options.split(",")]
    assert [place for place in open_mounts if not re.match(writable, place)] == []
    assert is_possible("touch /var/lib/validator/probe && rm /var/lib/validator/probe")
    assert not is_possible("touch /opt/validator/probe")
    assert not is_possible("touch /etc/validator/probe")
    assert not is_possible("cp /bin/true /var/lib/validator/probe && /var/lib/validator/probe")
    assert not is_possible("cp /bin/true /dev/shm/probe && /dev/shm/probe")
    assert not is_possible("cp /bin/true /run/validator-metrics/probe && /run/validator-metrics/probe")
    assert not is_possible("touch /run/validator/probe")
    assert not is_possible("ls /etc/validator/tls")
    assert not is_possible("curl -sk --max-time 2 https://127.0.0.1/")
    assert installation.place.run("curl -sk --max-time 2 https://127.0.0.1/ || [ $? != 7 ]").returncode == 0


def test_pools_count_in_one_file(installation: Installation) -> None:
    """Though each has a private /tmp and private devices, both pools have the same memory mapped."""
    files = set()
    for pool in ("callbacks", "people"):
        assert '"status":"ready"' in installation.ask(pool, "/readyz")
        group = installation.did(f"systemctl show -P ControlGroup validator@{pool}.service").strip()
        maps = installation.did(f"cat $(sed 's|.*|/proc/&/maps|' /sys/fs/cgroup{group}/cgroup.procs)")
        mapped = {tuple(line.split()[3:6]) for line in maps.splitlines() if "counters.mdb" in line}
        assert len(mapped) == 1
        files |= mapped

    ((_, _, path),) = files
    assert path.startswith("/dev/shm/validator-")
    assert installation.did("readlink -f /var/lib/validator/counters/counters.mdb").strip() == path


@pytest.mark.slow
def test_counts_are_mapped_from_memory(installation: Installation) -> None:
    """What a pool maps to count in it is on a tmpfs: a write to a disk that blocks would stop the process.

    It maps one more file, SQLite's index, and writes it without the interpreter's lock: only a thread waits.
    """
    assert '"status":"ready"' in installation.ask("callbacks", "/readyz")

    group = installation.did("systemctl show -P ControlGroup validator@callbacks.service").strip()
    maps = installation.did(f"cat $(sed 's|.*|/proc/&/maps|' /sys/fs/cgroup{group}/cgroup.procs)")
    mapped = {line.split()[5] for line in maps.splitlines() if line.split()[1] == "rw-s"}
    counting = mapped - {"/var/lib/validator/validator.db-shm"}
    kinds = installation.did(f"stat -f -c %T {' '.join(counting)}").split()

    assert {str(Path(path).parents[-3]) for path in counting} == {"/dev/shm", "/run/validator-metrics"}
    assert set(kinds) == {"tmpfs"}, mapped


def test_bad_settings_are_not_reloaded(installation: Installation) -> None:
    """A reload with settings that cannot be used is refused, and what runs goes on."""
    file = "/etc/validator/validator.toml"
    installation.did(f"cp -p {file} {file}.good && echo 'nonsense = 1' >>{file}")

    reloaded = installation.place.run("systemctl reload validator@callbacks.service")
    answer = installation.ask("callbacks", "/readyz")
    installation.did(f"mv {file}.good {file} && systemctl reload validator@callbacks.service")

    assert reloaded.returncode != 0
    assert '"status":"ready"' in answer
    assert '"status":"ready"' in installation.ask("callbacks", "/readyz")


def test_killed_pool_comes_back(installation: Installation) -> None:
    """A pool whose every process was killed is started again, and answers what waited in its socket."""
    installation.did("systemctl kill --signal=KILL --kill-whom=all validator@callbacks.service")

    assert '"status":"ready"' in installation.ask("callbacks", "/readyz")


def test_upgrade_and_roll_back(installation: Installation) -> None:
    """To a newer version and back, by the guide; the version that runs is the one that was meant."""
    before = installation.did("validator --version")
    installation.did(
        f"mkdir /run/newer && tar -C {scratch.CHECKOUT} --exclude=./.venv --exclude=./.git -cf - ."
        " | tar -C /run/newer -xf -"
        f" && sed -i 's/^version = .*/version = \"{NEWER}\"/' /run/newer/pyproject.toml"
    )

    upgraded = installation.follow("Upgrade", "/run/newer")
    back = installation.follow("Roll back")

    assert f"version {NEWER}" in upgraded
    assert '"status":"ready"' in upgraded
    assert back.count(" ok\n") == 6
    assert installation.did("validator --version") == before


def test_restore_revives_nothing(installation: Installation) -> None:
    """After a restore by the guide a token that was revoked since is refused, and the pools are ready."""
    issue = "validator tokens issue --tenant 202400000001 --user-account agent-7"
    token = installation.did(f"{issue} 2>/dev/null | grep -o 'access_token[^,]*' | cut -d'\"' -f3").strip()
    installation.did("validator db backup /var/backups/validator/newest.db")
    inspect = f"echo {token} | validator tokens inspect"
    good = installation.place.run(inspect).returncode
    installation.did(f"echo {token} | validator tokens revoke")

    restored = installation.did(
        f"cd {scratch.CHECKOUT}\n{script('Restore')}", BACKUP="/var/backups/validator/newest.db"
    )

    assert good == 0
    assert installation.place.run(inspect).returncode == 1
    assert restored.count(" ok\n") == 6
    assert '"status":"ready"' in installation.ask("callbacks", "/readyz")
    assert "tenants" not in installation.did(issue)
