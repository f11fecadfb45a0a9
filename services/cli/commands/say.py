"""`timbre say`: one text, spoken and saved."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, cast, get_args

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from services.cli import console
from services.cli.client import connected, reading_recordings
from services.cli.commands.voices import check_named, unknown_voice
from services.cli.errors import CliError
from timbre_client import Job, NotFoundError, SpeechOptions, Timbre

#: Seconds between two looks at the job, at most: the bar is to move.
LONGEST_PAUSE = 0.5
#: Seconds that the server may be away, as while it is restarted.
PATIENCE = 20.0
INTERRUPTED_EXIT_CODE = 130
STANDARD_INPUT = "-"

#: Told of every reading of the job while it runs.
Watch = Callable[[Job], None]
Format = Literal["wav", "flac", "mp3", "opus", "aac", "pcm"]
Preset = Literal["quality", "balanced", "fast"]

TextFile = Annotated[
    Path | None,
    typer.Option("--text-file", "-f", help="A file with what to say, as long as a chapter; - for standard input."),
]
Reference = Annotated[
    Path | None, typer.Option("--reference", "-r", help="A few seconds of the voice.", dir_okay=False)
]
Voice = Annotated[
    str | None, typer.Option("--voice", "-v", help="A stored voice's name or id, instead; sample is there already.")
]
Dialogue = Annotated[bool, typer.Option("--dialogue", help="Have [name] in the text change to that stored voice.")]


def say(
    text: Annotated[str | None, typer.Argument(help="What to say.")] = None,
    *,
    text_file: TextFile = None,
    reference: Reference = None,
    voice: Voice = None,
    dialogue: Dialogue = False,
    ref_text: Annotated[str | None, typer.Option(help="What is said in the reference; left out: recognised.")] = None,
    model: Annotated[str | None, typer.Option(help="Which model is to speak; left out: the server draws one.")] = None,
    language: Annotated[str | None, typer.Option(help="What TEXT is in, as en or de-AT; left out: recognised.")] = None,
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
    """Speak TEXT, or a file's, in the voice of a recording or in a stored one, and save the audio."""
    words = read_text(text, text_file)
    _check_whose(reference, voice, dialogue=dialogue)
    options = SpeechOptions(
        dialogue=dialogue or None,
        ref_text=ref_text,
        model=model,
        language=language,
        seed=seed,
        speed=speed,
        preset=preset,
        format=audio_format or format_of(output),
        sample_rate=sample_rate,
        bit_depth=bit_depth,
        bitrate=bitrate,
        loudness=loudness,
        remove_silence=remove_silence or None,
        trim=trim or None,
    )
    with connected() as client:
        job = _follow(client, submit(client, words, reference, voice, options), quiet=as_json)
        _tell(job, save(client, job, output), as_json=as_json)


def submit(client: Timbre, text: str, reference: Path | None, voice: str | None, options: SpeechOptions) -> Job:
    """Raises `CliError` for a voice that is not there."""
    if voice is not None:
        check_named(voice)
    try:
        with reading_recordings():
            return client.tts.create(text, voice=reference, voice_id=voice, **options)
    except NotFoundError as error:
        if voice is None or error.field != "voice_id":
            raise
        raise unknown_voice(voice) from error


def wait(client: Timbre, job: Job, watch: Watch) -> Job:
    """The job once it succeeded. Interrupted (Ctrl-C), it cancels the job."""
    try:
        return client.jobs.wait(job, on_progress=watch, patience=PATIENCE, longest_pause=LONGEST_PAUSE)
    except KeyboardInterrupt:
        client.jobs.cancel(job)
        raise CliError("Canceled.", exit_code=INTERRUPTED_EXIT_CODE) from None


def save(client: Timbre, job: Job, output: Path | None) -> Path:
    """Fetch the job's audio, and write it. Returns where."""
    with client.jobs.audio(job) as audio:
        path = output or Path(f"{job.job_id}.{audio.output.format}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            audio.save(path)
        except OSError as error:
            raise CliError(f"{path} cannot be written: {error.strerror}.") from error
    return path


def read_text(text: str | None, file: Path | None) -> str:
    """Raises `CliError` where there is not one text, or its file cannot be read."""
    if (text is None) == (file is None):
        raise CliError("What is to be said? Give a text or a file, one of the two.", hint="TEXT, or --text-file FILE.")
    if file is None:
        return text or ""
    try:
        content = sys.stdin.buffer.read() if str(file) == STANDARD_INPUT else file.read_bytes()
        # What editors put before a text is no part of it.
        return content.decode("utf-8-sig")
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CliError(f"{file} is no text in UTF-8.", hint=f"Its byte {error.start + 1} is not.") from error


def _check_whose(reference: Path | None, voice: str | None, *, dialogue: bool) -> None:
    both, neither = reference is not None and voice is not None, reference is None and voice is None
    if both or (neither and not dialogue):
        raise CliError(
            "Whose voice? Name a recording or a stored voice, one of the two.",
            hint="--reference FILE, or --voice NAME; `timbre voices list` shows what is stored, and `sample` is there "
            "already. Or --dialogue, with [NAME] in the text.",
        )


def _follow(client: Timbre, job: Job, *, quiet: bool) -> Job:
    if quiet:
        return wait(client, job, lambda _job: None)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<10}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=console.err, transient=True) as progress:
        task = progress.add_task(job.status, total=1.0)

        def show(current: Job) -> None:
            progress.update(task, description=current.status, completed=current.progress)

        return wait(client, job, show)


def format_of(output: Path | None) -> Format | None:
    """What the file is called; the server's default where that says nothing. Raises `CliError` for other names."""
    ending = "" if output is None else output.suffix.lower().removeprefix(".")
    if not ending:
        return None
    if ending == "ogg":
        return "opus"
    if ending not in get_args(Format):
        raise CliError(f".{ending} is not written.", hint=f"Name a --format: {', '.join(get_args(Format))}.")
    return cast(Format, ending)


def _tell(job: Job, path: Path, *, as_json: bool) -> None:
    if as_json:
        console.print_json({**job.raw, "file": str(path)})
    elif output := job.output:
        console.out.print(f"{path}  {output.duration_s:.1f} s, seed {output.seed}, job {job.job_id}")
    else:
        console.out.print(str(path))
