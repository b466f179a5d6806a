"""The receiver of webhooks: a real HTTP or HTTPS server on loopback that answers as it is told, also badly."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

HANG, CUT, ENDLESS, INTERIM = "hang", "cut", "endless", "interim"


@dataclass(frozen=True, slots=True)
class Heard:
    """One request. sni: the name TLS asked for."""

    path: str
    headers: dict[str, str]
    body: bytes
    sni: str | None = None


@dataclass
class Receiver:
    """answers: a status, HANG, CUT (hangs up), ENDLESS (200, and a body without end) or INTERIM (one "I am at it" after
    the other, and no answer); the last for ever.

    more: headers of its answers, such as "Retry-After". busy, most: how many requests it is at now, and was at most.
    """

    answers: list[int | str] = field(default_factory=lambda: [200])
    more: dict[str, str] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    busy: int = 0
    most: int = 0
    sni: str | None = None
    sent: int = 0

    def url(self, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}/hook/secret-4711"

    @property
    def ids(self) -> list[str]:
        return [each.headers["webhook-id"] for each in self.heard]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.busy += 1
        self.most = max(self.most, self.busy)
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._one(reader, writer)
        self.busy -= 1
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.heard.append(Heard(head[0].split(" ")[1], headers, body, self.sni))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == HANG:
            await self.gate.wait()
            answer = 200
        if answer == CUT:
            return
        if answer == ENDLESS:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                self.sent += 65536
                await writer.drain()
        while answer == INTERIM:
            writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000)
            await writer.drain()
        more = "".join(f"{name}: {value}\r\n" for name, value in self.more.items())
        writer.write(f"HTTP/1.1 {answer} So\r\nContent-Length: 0\r\n{more}\r\n".encode())
        await writer.drain()


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver that listens, for as long as it lasts."""
    here = Receiver()
    if tls is not None:
        tls.sni_callback = lambda _socket, name, _context: setattr(here, "sni", name)
    server = await asyncio.start_server(here.serve, "127.0.0.1", 0, ssl=tls)
    here.port = server.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        here.gate.set()
        server.close()


def authority(folder: Path, *names: str) -> tuple[ssl.SSLContext, Path]:
    """A server's context with a certificate for these names and addresses, and the file of its authority."""
    now = datetime.now(UTC)
    key, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def certificate(of: ec.EllipticCurvePrivateKey, name: str, *extensions: tuple[x509.ExtensionType, bool]) -> bytes:
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "An authority of our tests")]))
            .public_key(of.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )
        for extension, critical in extensions:
            made = made.add_extension(extension, critical)
        return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)

    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    ca, leaf = folder / "authority.pem", folder / "server.pem"
    ca.write_bytes(
        certificate(
            key,
            "An authority of our tests",
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (identifier, False),
            (_signs(), True),
        )
    )
    private = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    said = x509.SubjectAlternativeName([_name(each) for each in names])
    leaf.write_bytes(private + certificate(own, names[0], (said, False), (issuer, False)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf)
    return context, ca


def _signs() -> x509.KeyUsage:
    given = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **given)


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
