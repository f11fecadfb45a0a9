"""What can be told of a request before it is queued: whether the voice can be followed and the text spoken."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final, Self

import structlog

from f5_tts_core import limits
from f5_tts_core.diagnosis import Diagnosis, diagnose
from f5_tts_core.errors import AudioError, EmptyText, ModelError, TextError, TimbreError, TooLongText
from f5_tts_core.manifest import resolve_manifest
from f5_tts_core.plan import Planner
from f5_tts_core.reference import check_upload
from f5_tts_core.text.normalization import normalize
from f5_tts_core.text.vocabulary import load_vocabulary
from services.api.errors import FieldRefused, TranscriptNeeded
from services.api.forms.languages import Languages, spoken_languages
from services.api.forms.speech import UPLOAD_ID, VOICE, VOICE_URL, SharedFields, SpeechForm
from services.api.forms.voice import RECORDING, SAMPLE
from services.api.uploads.spool import Upload
from services.shared.adapters.transcribers import can_transcribe
from services.shared.dialogue import Turn, read_turns
from services.shared.hooks import load_text_hooks
from services.shared.settings import Settings
from services.shared.voice import Voice

log = structlog.get_logger(__name__)

#: The engines that read text with an F5-TTS vocabulary; of others we do not know what they read.
_F5_ENGINES: Final = ("f5", "upstream")


class InputChecks:
    """Blocking, thread-safe, free of torch. What it lets pass, the worker checks again with the model at hand."""

    def __init__(self, settings: Settings, planner: Planner | None, reference_seconds: float) -> None:
        """Raises `SettingsError` where a text hook cannot be had."""
        self._hooks = load_text_hooks(settings)
        self._planner = planner
        #: Of engines that bring models of their own we do not know what they speak.
        self.languages = Languages(spoken_languages(settings) if settings.engine in _F5_ENGINES else ())
        self._reference_seconds = reference_seconds
        self._max_text_characters = settings.max_text_characters
        self._max_long_text_characters = settings.max_long_text_characters
        self._can_transcribe = can_transcribe(settings)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Checks for the configured model; without its vocabulary where its files are not on this machine."""
        try:
            if settings.engine in _F5_ENGINES:
                manifest = resolve_manifest(settings.engine_config())
                planner = Planner(manifest, load_vocabulary(manifest.vocabulary))
                return cls(settings, planner, manifest.reference_seconds)
        except ModelError as error:
            log.info("checks.model_not_here", model=settings.model_name, reason=error.type)
        return cls(settings, None, limits.DEFAULT_REFERENCE_SECONDS)

    def check(self, owner: str, form: SpeechForm, reference: Upload | Voice) -> SpeechForm:
        """The form with its text as it is to be spoken. Leaves the file at its start.

        Raises `FieldRefused`, `LanguageNotSpoken`, `TranscriptNeeded`, and `Unavailable` where a text hook needs what
        is away.
        """
        checked = self.check_text(owner, form)
        self.check_reference(form, reference)
        return checked

    def check_text(self, owner: str, form: SpeechForm) -> SpeechForm:
        """The form with what the text hooks made of its text, which is held to the same. Raises as `check` does."""
        form = self._hooked(owner, form)
        with _blaming("text"):
            self._check_text(form.text, self._most(form))
        return form

    def check_dialogue(self, owner: str, form: SpeechForm) -> tuple[SpeechForm, list[Turn]]:
        """As `check_text`, of a text with marks, which are not spoken; and who says what, one turn at least."""
        form = self._hooked(owner, form)
        with _blaming("text"):
            turns = read_turns(form.text)
            # A text of nothing but marks is empty.
            for said in [turn.text for turn in turns] or [""]:
                self._check_text(said, self._most(form))
        return form, turns

    def _hooked(self, owner: str, form: SpeechForm) -> SpeechForm:
        self.languages.check(form.language)
        with _blaming("text"):
            _check_length(form.text, self._most(form))
            text = self._hooks.process(form.text, owner)
        return form if text == form.text else form.model_copy(update={"text": text})

    def _most(self, form: SpeechForm) -> int:
        """Characters that its text may have."""
        return self._max_long_text_characters if form.long else self._max_text_characters

    def check_reference(self, form: SharedFields, reference: Upload | Voice) -> None:
        """Raises `FieldRefused` and `TranscriptNeeded`. Leaves the file at its start."""
        if isinstance(reference, Voice):
            # The model may be another than when the voice was stored, and not know its letters.
            self._check_transcript(reference.ref_text, field="voice_id")
            return
        transcript = self._check_transcript(form.ref_text)
        with _blaming(_source(form), AudioError), _blaming("ref_text"):
            check_upload(reference.file, transcript, max_seconds=self._reference_seconds)
        reference.file.seek(0)

    def diagnose(self, sample: BinaryIO, ref_text: str | None, field: str = SAMPLE) -> Diagnosis:
        """What there is to say of a voice's sample, which came by `field`. Leaves the file at its start.

        Raises `FieldRefused` and `TranscriptNeeded`.
        """
        transcript = self._check_transcript(ref_text)
        with _blaming(field, AudioError), _blaming("ref_text"):
            diagnosis = diagnose(sample, transcript, max_seconds=self._reference_seconds)
        sample.seek(0)
        return diagnosis

    def check_recording(self, recording: BinaryIO) -> None:
        """A consent recording must be one that somebody speaks in. Raises `FieldRefused`.

        Leaves the file at its start.
        """
        with _blaming(RECORDING, AudioError):
            check_upload(recording, None, max_seconds=limits.MAX_UPLOAD_SECONDS)
        recording.seek(0)

    def _check_transcript(self, transcript: str | None, field: str = "ref_text") -> str | None:
        if transcript is None:
            if not self._can_transcribe:
                detail = "This service transcribes no references: `ref_text` must say what is said in the recording."
                raise TranscriptNeeded(detail, field=field, accepted="text")
            return None
        with _blaming(field):
            return self._check_text(transcript, limits.MAX_REFERENCE_TEXT_CHARACTERS)

    def _check_text(self, text: str, max_characters: int) -> str:
        _check_length(text, max_characters)
        return self._planner.check_text(text) if self._planner is not None else normalize(text, None, None)


def _source(form: SharedFields) -> str:
    if form.upload_id is not None:
        return UPLOAD_ID
    return VOICE if form.voice_url is None else VOICE_URL


def _check_length(text: str, max_characters: int) -> None:
    if not text.strip():
        raise EmptyText("The text holds nothing to say.")
    if len(text) > max_characters:
        raise TooLongText(f"The text has {len(text)} characters; at most {max_characters} are accepted.")


@contextmanager
def _blaming(field: str, kind: type[TimbreError] = TextError) -> Iterator[None]:
    """Names the field that was refused: the core does not know how its input was called."""
    try:
        yield
    except kind as error:
        raise FieldRefused(field, error) from error
