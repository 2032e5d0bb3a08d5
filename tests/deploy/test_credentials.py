"""The secrets of an installation."""

import ssl
import stat
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography import x509

from chassis.errors import Unauthenticated
from chassis.identity import Identity, Role, Signer, Verifier, service_identity
from deploy.credentials import DATABASES, Incomplete, keep_credentials, keep_keys


def contents(directory: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in directory.iterdir()}


def test_services_trust_the_keys_that_were_made(tmp_path: Path) -> None:
    keep_keys(tmp_path)
    verifier = Verifier(tmp_path / "trusted-keys.json")
    person = Identity("accounts/a", "Office", frozenset({Role.COORDINATOR}))
    gateway = Signer("gateway", (tmp_path / "gateway-key.pem").read_text())
    forum = Signer("forum", (tmp_path / "forum-key.pem").read_text())
    assert verifier.identity(gateway.token(person)) == person
    assert verifier.identity(forum.token(service_identity("forum"))).subject == "services/forum"
    with pytest.raises(Unauthenticated):
        verifier.identity(forum.token(person))


def test_a_second_run_keeps_every_secret(tmp_path: Path) -> None:
    keep_credentials(tmp_path)
    before = contents(tmp_path)
    keep_credentials(tmp_path)
    assert contents(tmp_path) == before


def test_a_second_run_leaves_every_file_that_a_container_may_have_mounted(tmp_path: Path) -> None:
    keep_credentials(tmp_path)
    before = {file.name: file.stat().st_ino for file in tmp_path.iterdir()}
    # A file keeps its number for itself as long as something has it open, or mounted.
    with ExitStack() as mounted:
        for file in tmp_path.iterdir():
            mounted.enter_context(file.open())
        keep_credentials(tmp_path)
        after = {file.name: file.stat().st_ino for file in tmp_path.iterdir()}
    assert {name for name in before if after[name] != before[name]} <= {".gitignore"}


def test_a_deleted_secret_is_made_anew_and_the_others_stay(tmp_path: Path) -> None:
    keep_credentials(tmp_path)
    before = contents(tmp_path)
    (tmp_path / "forum-key.pem").unlink()
    keep_credentials(tmp_path)
    after = contents(tmp_path)
    assert {name for name in before if after[name] != before[name]} == {"forum-key.pem", "trusted-keys.json"}


def test_two_installations_share_no_secret(tmp_path: Path) -> None:
    for name in ("one", "other"):
        keep_credentials(tmp_path / name)
    one, other = contents(tmp_path / "one"), contents(tmp_path / "other")
    assert [name for name in one if one[name] == other[name]] == [".gitignore"]


def test_the_directory_is_closed_to_others_and_to_git(tmp_path: Path) -> None:
    keep_credentials(tmp_path / "secrets")
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert (tmp_path / "secrets" / ".gitignore").read_text() == "*\n"


def test_each_process_has_a_database_and_a_password_of_its_own(tmp_path: Path) -> None:
    keep_credentials(tmp_path)
    urls = [(tmp_path / f"{process}-database-url").read_text() for process in DATABASES]
    assert len({url.partition("@")[0] for url in urls}) == len({url.partition("@")[2] for url in urls}) == 4


def test_nats_asks_for_the_password_that_the_services_know(tmp_path: Path) -> None:
    keep_credentials(tmp_path)
    password = (tmp_path / "nats-url").read_text().removeprefix("nats://austausch:").removesuffix("@nats:4222")
    assert f'password: "{password}"' in (tmp_path / "nats.conf").read_text()


def test_the_certificate_for_trying_out_fits_its_key_and_this_machine(tmp_path: Path) -> None:
    keep_credentials(tmp_path)
    certificate, key = tmp_path / "tls-certificate.pem", tmp_path / "tls-key.pem"
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    names = x509.load_pem_x509_certificate(certificate.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == ["localhost"]


def test_a_certificate_of_the_operators_is_kept_and_its_key_asked_for(tmp_path: Path) -> None:
    (tmp_path / "tls-certificate.pem").write_text("theirs")
    with pytest.raises(Incomplete, match=r"tls-key.pem is missing; it belongs to tls-certificate.pem"):
        keep_credentials(tmp_path)
    (tmp_path / "tls-key.pem").write_text("theirs, too")
    keep_credentials(tmp_path)
    assert (tmp_path / "tls-certificate.pem").read_text() == "theirs"
