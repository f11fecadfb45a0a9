"""Certificates that nobody else believes, made by openssl."""

import shutil
import subprocess
from pathlib import Path

from tests.missing import missing


def make_certificate(folder: Path, name: str) -> Path:
    """A certificate for the host `name`, its own authority, and its key, in one file.

    Ends the test where there is no openssl.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("there is no openssl to make a certificate")
    file = folder / "server.pem"
    options = ["-x509", "-nodes", "-newkey", "rsa:2048", "-days", "2", "-subj", f"/CN={name}"]
    names = ["-addext", f"subjectAltName=DNS:{name}"]
    subprocess.run(
        [openssl, "req", *options, *names, "-keyout", f"{file}.key", "-out", f"{file}.crt"],
        check=True,
        capture_output=True,
    )
    file.write_text(Path(f"{file}.key").read_text() + Path(f"{file}.crt").read_text())
    return file
