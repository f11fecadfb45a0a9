"""`timbre say`: one text, spoken and saved."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from services.cli import console
from services.cli.client import ApiClient, Job, connected
from services.cli.commands.voices import find_voice
from services.cli.errors import Away, CliError

POLL_SECONDS = 0.15
#: Polls in a row that may fail, with pauses that double: 19 s in all.
PATIENCE = 6
TERMINAL = {"succeeded", "failed", "canceled", "expired"}
INTERRUPTED_EXIT_CODE = 130

#: Told of every reading of the job while it runs.
Watch = Callable[[Job], None]
Format = Literal["wav", "flac", "mp3", "opus", "aac", "pcm"]
Preset = Literal["quality", "balanced", "fast"]


@dataclass(frozen=True)
class Options:
    """Form fields of `POST /tts`; None leaves the server's default."""

    ref_text: str | None
    seed: int | None
    speed: float | None
    preset: str | None
    format: str | None
    sample_rate: int | None
    bit_depth: int | None
    bitrate: int | None
    loudness: float | None
    remove_silence: bool
    trim: bool

    def fields(self, text: str) -> dict[str, str]:
        named = {
            "ref_text": self.ref_text,
            "seed": self.seed,
            "speed": self.speed,
            "preset": self.preset,
            "format": self.format,
            "sample_rate": self.sample_rate,
            "bit_depth": self.bit_depth,
            "bitrate": self.bitrate,
            "loudness": self.loudness,
            "remove_silence": "true" if self.remove_silence else None,
            "trim": "true" if self.trim else None,
        }
        return {"text": text} | {name: str(value) for name, value in named.items() if value is not None}


def say(
    text: Annotated[str, typer.Argument(help="What to say.")],
    *,
    reference: Annotated[
        Path | None, typer.Option("--reference", "-r", help="A few seconds of the voice.", dir_okay=False)
    ] = None,
    voice: Annotated[str | None, typer.Option("--voice", "-v", help="A stored voice's name or id, instead.")] = None,
    ref_text: Annotated[str | None, typer.Option(help="What is said in the reference; left out: recognised.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to save the audio.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same speech.")] = None,
    speed: Annotated[float | None, typer.Option(help="Against the reference: 2.0 is twice as fast.")] = None,
    preset: Annotated[Preset | None, typer.Option(help="How much care to take.")] = None,
    audio_format: Annotated[Format | None, typer.Option("--format", help="Left out: by --output's name.")] = None,
    sample_rate: Annotated[int | None, typer.Option(help="Hz: 8000 to 48000.")] = None,
    bit_depth: Annotated[int | None, typer.Option(help="Bits a sample of wav (16, 24, 32) and flac (16, 24).")] = None,
    bitrate: Annotated[int | None, typer.Option(help="kbit/s of mp3, opus and aac.")] = None,
    loudness: Annotated[float | None, typer.Option(help="LUFS to bring the speech to, such as -16.")] = None,
    remove_silence: Annotated[bool, typer.Option("--remove-silence", help="Cut long pauses out.")] = False,
    trim: Annotated[bool, typer.Option("--trim", help="Cut silence off both ends.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the finished job as JSON.")] = False,
) -> None:
    """Speak TEXT in the voice of a recording, or in a stored one, and save the audio."""
    _check_whose(reference, voice)
    options = Options(
        ref_text=ref_text,
        seed=seed,
        speed=speed,
        preset=preset,
        format=audio_format or format_of(output),
        sample_rate=sample_rate,
        bit_depth=bit_depth,
        bitrate=bitrate,
        loudness=loudness,
        remove_silence=remove_silence,
        trim=trim,
    )
    with connected() as client:
        named = {} if voice is None else {"voice_id": find_voice(client, voice)["voice_id"]}
        submitted = client.submit(options.fields(text) | named, reference)
        job = _follow(client, submitted, quiet=as_json)
        path = save(client, job, output)
    if as_json:
        console.print_json({**job, "file": str(path)})
    else:
        console.out.print(_summary(job, path))


def wait(client: ApiClient, job: Job, watch: Watch, sleep: Callable[[float], None] = time.sleep) -> Job:
    """Poll until the job has ended. Interrupted (Ctrl-C), it cancels the job. Raises `CliError` unless it succeeded.

    A server that is away for a moment, as while it is restarted, costs the job nothing: it is asked again.
    """
    failures = 0
    try:
        while job["status"] not in TERMINAL:
            watch(job)
            sleep(POLL_SECONDS * 2**failures)
            try:
                job, failures = client.job(job["job_id"]), 0
            except Away:
                failures += 1
                if failures > PATIENCE:
                    raise
        watch(job)
    except KeyboardInterrupt:
        client.cancel(job["job_id"])
        raise CliError("Canceled.", exit_code=INTERRUPTED_EXIT_CODE) from None
    if job["status"] != "succeeded":
        raise _ended_badly(job)
    return job


def save(client: ApiClient, job: Job, output: Path | None) -> Path:
    """Fetch the job's audio, hold it against the job's hash, write it. Returns where."""
    audio = client.download(job["result_url"])
    if hashlib.sha256(audio).hexdigest() != job["output"]["sha256"]:
        raise CliError("The audio arrived damaged.", hint=f"Fetch it again: timbre jobs show {job['job_id']}")
    path = output or Path(f"{job['job_id']}.{job['output']['format']}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(audio)
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}.") from error
    return path


def _check_whose(reference: Path | None, voice: str | None) -> None:
    if (reference is None) == (voice is None):
        raise CliError(
            "Whose voice? Name a recording or a stored voice, one of the two.",
            hint="--reference FILE, or --voice NAME; `timbre voices list` shows what is stored.",
        )


def _follow(client: ApiClient, job: Job, *, quiet: bool) -> Job:
    if quiet:
        return wait(client, job, lambda _job: None)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<10}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=console.err, transient=True) as progress:
        task = progress.add_task(job["status"], total=1.0)

        def show(current: Job) -> None:
            progress.update(task, description=current["status"], completed=current.get("progress") or 0.0)

        return wait(client, job, show)


def format_of(output: Path | None) -> str | None:
    """What the file is called; the server's default where that says nothing. Raises `CliError` for other names."""
    ending = "" if output is None else output.suffix.lower().removeprefix(".")
    if not ending:
        return None
    if ending == "ogg":
        return "opus"
    if ending not in get_args(Format):
        raise CliError(f".{ending} is not written.", hint=f"Name a --format: {', '.join(get_args(Format))}.")
    return ending


def _ended_badly(job: Job) -> CliError:
    fault = job.get("error") or {}
    if fault.get("detail") or fault.get("title"):
        return CliError(fault.get("detail") or fault["title"])
    return CliError(f"The job is {job['status']}.", hint=f"Its id is {job['job_id']}.")


def _summary(job: Job, path: Path) -> str:
    output = job["output"]
    return f"{path}  {output['duration_s']:.1f} s, seed {output.get('seed', '?')}, job {job['job_id']}"
