"""Pages, files and stores that were made to hurt: each test has a row in SECURITY.md."""

from __future__ import annotations

import ast
import importlib.util
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from slo_core import SLODefinition, SLORegistry
from slo_core.cli import main
from slo_core.config.sources.load import load_definitions
from slo_core.errors import ConfigError, SLOError
from slo_core.objectives.http_rule import HTTPRule
from slo_core.status.sources.open import open_status_source
from slo_core.stores.redis.blocks import SERVICES_KEY, STORE_KEY, Keys
from slo_core.stores.stored_definition import definition_from_stored, stored_definition
from slo_core.testing import FakeClock


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd", "FILE:///etc/passwd", "file://localhost/etc/passwd", "ftp://host/x", "data:application/json,{}",
        "data://text/plain,slo_store_up%201", "gopher://host/", "jar:file:///x", "local_file:///etc/passwd", "/etc/passwd",
        "unix:///run/x", "\nfile:///etc/passwd", "http:file:///etc/passwd", "http:///etc/passwd",
    ],
)  # fmt: skip
def test_status_reads_pages_and_stores_alone(address: str) -> None:
    """Nothing else that Python could open."""
    with pytest.raises(SLOError):
        open_status_source(address).read()


@pytest.fixture
def page() -> Iterator[Callable[..., str]]:
    """`page(body, kind, location=)`: the address of a server that answers so."""
    servers: list[HTTPServer] = []

    def start(body: bytes = b"", kind: str = "application/json", location: str | None = None) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if location is None else 302)
                self.send_header("Content-Type", kind)
                if location is not None:
                    self.send_header("Location", location)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None: ...

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/slo.json"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("location", ["ftp://127.0.0.1:1/slo.json", "file:///etc/passwd", "data:application/json,{}"])
def test_a_redirect_leads_to_pages_alone(
    page: Callable[..., str], location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page may send a reader to another, but not to what Python would open as well."""
    opened = []
    monkeypatch.setattr("urllib.request.FTPHandler.ftp_open", lambda *asked: opened.append(asked))

    with pytest.raises(SLOError):
        open_status_source(page(location=location)).read()

    assert opened == []


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"version": 1e999}', b'{"version": ' + b"9" * 5000 + b"}", b"\xff"])
def test_a_page_that_was_made_to_hurt_is_refused(page: Callable[..., str], body: bytes) -> None:
    """As any other that is none of ours."""
    with pytest.raises(SLOError):
        open_status_source(page(body)).read()


def test_a_page_gives_the_terminal_no_commands(page: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    """Titles, colours and links are made of control characters: they are shown as what they are."""
    hostile = r"\u001b]0;owned\u0007\u001b[2J"
    store = '{"backend": "x", "scope": "x", "is_up": false}'
    body = f'{{"version": 1, "service": "{hostile}", "store": {store}, "note": "{hostile}", "error": "{hostile}"}}'
    address = page(body.encode())

    assert main(["status", address]) == 2
    assert main(["gate", address]) == 2

    printed = "".join(capsys.readouterr())
    assert "\\x1b]0;owned" in printed
    assert "\x1b" not in printed
    assert "\x07" not in printed


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("1:" * 200_000 + "1", "a number or a date of more than 100 characters"),
        ("0x" + "f" * 500_000, "a number or a date of more than 100 characters"),
        ("[" + "1," * 100_000 + "]", "more than 10,000 values"),
    ],
)
def test_a_definition_file_cannot_keep_the_reader_busy(tmp_path: Path, value: str, message: str) -> None:
    """Numbers to the base of sixty are worked out in a minute, a hundred thousand values in ten seconds; these are not."""
    path = tmp_path / "slos.yaml"
    path.write_text(f"service: shop\nslos: {{a: {{target: {value}}}}}\n")
    before = time.process_time()

    with pytest.raises(ConfigError, match=message):
        load_definitions(str(path))

    assert time.process_time() - before < 5


def test_a_stored_definition_imports_nothing() -> None:
    """A dotted path is followed where the operator has written it; what stands in a store is a name to compare."""
    document = stored_definition(SLODefinition("a", 0.9, http=HTTPRule(classify=print)))
    hostile = document.replace("builtins.print", "antigravity.geohash")
    assert hostile != document

    definition = definition_from_stored(hostile)

    assert definition.http is not None
    assert definition.http.classify is None


_PACKAGES = ("slo_core", "slo_asgi", "slo_django", "slo_flask")


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            for path in Path(spec.origin).parent.rglob("*.py"):
                yield path, ast.parse(path.read_text(encoding="utf-8"))


def test_no_text_is_ever_run_or_unpickled() -> None:
    """No eval, no exec, no pickle, no shell, no YAML loader that makes objects: in all packages, by their source."""
    forbidden = {"pickle", "marshal", "shelve", "dill", "subprocess", "ctypes", "code"}
    seen = 0
    for path, tree in sources():
        seen += 1
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = (
                    [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                )
                assert not forbidden & {name.partition(".")[0] for name in names}, path
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("eval", "exec", "compile", "__import__", "os.system", "os.popen"), path
                assert called not in ("yaml.load", "yaml.unsafe_load", "yaml.full_load"), path
    assert seen > 100


HOSTILE_NAMES = [
    "'; DROP TABLE bucket; --",
    '" OR 1=1 --',
    "a'b\"c`d",
    "%s %(x)s ? :x $1",
    "\\",
    "a\nb",
    "🔥",
    "{}/[]:*",
]


def test_names_are_no_sql(tmp_path: Path, clock: FakeClock) -> None:
    """Services and SLOs go into statements as parameters: each is a row of its own, and the tables stay."""
    path = tmp_path / "slo.db"
    for number, name in enumerate(HOSTILE_NAMES, start=1):
        with SLORegistry(f"sqlite:///{path}", service=name, clock=clock) as registry:
            tracker = registry.define(SLODefinition(name, 0.9, description=name, labels={"a": name}))
            for _ in range(number):
                tracker.record_failure()

    for number, name in enumerate(HOSTILE_NAMES, start=1):
        with SLORegistry(f"sqlite:///{path}", service=name, clock=clock) as registry:
            assert registry.define(SLODefinition(name, 0.9)).snapshot().failures == number
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT COUNT(*) FROM slo").fetchone() == (len(HOSTILE_NAMES),)
    connection.close()


def test_no_name_reaches_the_redis_keys_of_another() -> None:
    """Whatever services and SLOs are called: all keys have our prefix, and no two pairs of names have one in common."""
    letters = "a/{}:%*\\ é"
    random.seed(5)
    made = ["".join(random.choices(letters, k=random.randint(1, 4))) for _ in range(300)]
    names = sorted({*made, *HOSTILE_NAMES, "store", "services", "names", "a/b", "a}{b", "a%2Fb", "a:record"})
    pairs = [(service, slo) for service in names[::5] for slo in names]

    records = {Keys(service).record(slo): (service, slo) for service, slo in pairs}
    own = {Keys(service).names: service for service in names}

    assert len(records) == len(pairs)
    assert len(own) == len(names)
    assert not records.keys() & own.keys()
    assert not {STORE_KEY, SERVICES_KEY} & (records.keys() | own.keys())
    assert all(key.startswith("slo:{") and key.count("{") == key.count("}") == 1 for key in records)
    assert all(key.startswith("slo:names:") for key in own)
