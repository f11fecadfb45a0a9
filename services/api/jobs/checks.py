"""What can be told of a request before it is queued: whether the voice can be followed and the text spoken."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from f5_tts_core import limits
from f5_tts_core.diagnosis import Diagnosis, diagnose
from f5_tts_core.errors import AudioError, EmptyText, TextError, TimbreError, TooLongText
from f5_tts_core.reference import check_upload
from f5_tts_core.text.normalization import normalize
from services.api.errors import FieldRefused, TranscriptNeeded
from services.api.forms.options import SpeechOptions
from services.api.forms.speech import UPLOAD_ID, VOICE, VOICE_ID, VOICE_URL, SharedFields, SpeechForm
from services.api.forms.voice import RECORDING, SAMPLE
from services.api.jobs.known_model import KnownModel
from services.api.jobs.models import Models
from services.api.uploads.passed import Judged, PassedUploads
from services.api.uploads.spool import Upload
from services.api.voices.sample_voice import SampleVoice
from services.shared.adapters.transcribers import can_transcribe
from services.shared.dialogue import Turn, read_turns
from services.shared.hooks import load_text_hooks
from services.shared.settings import Settings
from services.shared.voice import Voice


class InputChecks:
    """Blocking, thread-safe, free of torch. What it lets pass, the worker checks again with the model at hand."""

    def __init__(self, settings: Settings, models: Models) -> None:
        """Raises `SettingsError` where a text hook cannot be had."""
        self._hooks = load_text_hooks(settings)
        self._models = models
        self._passed = PassedUploads()
        self._max_text_characters = settings.max_text_characters
        self._max_long_text_characters = settings.max_long_text_characters
        #: What to do with a text that is too long here.
        self._elsewhere = ""
        if settings.max_long_text_characters > settings.max_text_characters:
            self._elsewhere = f" POST /tts takes up to {settings.max_long_text_characters}, as a long job."
        self._can_transcribe = can_transcribe(settings)

    def check(self, owner: str, form: SpeechForm, reference: Upload | Voice) -> SpeechForm:
        """The form with its text as it is to be spoken. Leaves the file at its start.

        Raises `FieldRefused`, `LanguageNotSpoken`, `TranscriptNeeded`, and `Unavailable` where a text hook needs what
        is away.
        """
        checked = self.check_text(owner, form)
        self.check_reference(owner, form, reference)
        return checked

    def check_language(self, options: SpeechOptions) -> None:
        """Raises `LanguageNotSpoken`."""
        self._models.known(options.model).languages.check(options.language)

    def check_text(self, owner: str, form: SpeechForm) -> SpeechForm:
        """The form with what the text hooks made of its text, which is held to the same. Raises as `check` does."""
        form = self._hooked(owner, form)
        with _blaming("text"):
            self._check_words(form, form.text)
        return form

    def check_dialogue(self, owner: str, form: SpeechForm) -> tuple[SpeechForm, list[Turn]]:
        """As `check_text`, of a text with marks, which are not spoken; and who says what, one turn at least."""
        form = self._hooked(owner, form)
        with _blaming("text"):
            turns = read_turns(form.text)
            # A text of nothing but marks is empty.
            for said in [turn.text for turn in turns] or [""]:
                self._check_words(form, said)
        return form, turns

    def _hooked(self, owner: str, form: SpeechForm) -> SpeechForm:
        self.check_language(form)
        with _blaming("text"):
            self._check_length(form, form.text)
            text = self._hooks.process(form.text, owner)
        return form if text == form.text else form.model_copy(update={"text": text})

    def _check_words(self, form: SpeechForm, said: str) -> None:
        self._check_length(form, said)
        _check_letters(self._models.known(form.model), said)

    def _check_length(self, form: SpeechForm, said: str) -> None:
        if form.long:
            _check_length(said, self._max_long_text_characters)
        else:
            _check_length(said, self._max_text_characters, self._elsewhere)

    def check_reference(self, owner: str, form: SharedFields, reference: Upload | Voice) -> None:
        """Raises `FieldRefused` and `TranscriptNeeded`. Leaves the file at its start.

        A recording that passed lately is not decoded for it again.
        """
        model = self._models.known(form.model)
        if isinstance(reference, Voice | SampleVoice):
            # The model may be another than when the voice was stored, and not know its letters.
            self._check_transcript(model, reference.ref_text, field=VOICE_ID)
            return
        transcript = self._check_transcript(model, form.ref_text)
        judged = Judged(owner, reference.sha256, transcript, model.reference_seconds)
        if judged in self._passed:
            return
        with _blaming(_source(form), AudioError), _blaming("ref_text"):
            check_upload(reference.file, transcript, max_seconds=model.reference_seconds)
        reference.file.seek(0)
        self._passed.add(judged)

    def diagnose(self, sample: BinaryIO, ref_text: str | None, field: str = SAMPLE) -> Diagnosis:
        """What there is to say of a voice's sample, which came by `field`. Leaves the file at its start.

        Raises `FieldRefused` and `TranscriptNeeded`.
        """
        model = self._models.any
        transcript = self._check_transcript(model, ref_text)
        with _blaming(field, AudioError), _blaming("ref_text"):
            diagnosis = diagnose(sample, transcript, max_seconds=model.reference_seconds)
        sample.seek(0)
        return diagnosis

    def check_recording(self, recording: BinaryIO) -> None:
        """A consent recording must be one that somebody speaks in. Raises `FieldRefused`.

        Leaves the file at its start.
        """
        with _blaming(RECORDING, AudioError):
            check_upload(recording, None, max_seconds=limits.MAX_UPLOAD_SECONDS)
        recording.seek(0)

    def _check_transcript(self, model: KnownModel, transcript: str | None, field: str = "ref_text") -> str | None:
        if transcript is None:
            if not self._can_transcribe:
                detail = "This service transcribes no references: `ref_text` must say what is said in the recording."
                raise TranscriptNeeded(detail, field=field, accepted="text")
            return None
        with _blaming(field):
            _check_length(transcript, limits.MAX_REFERENCE_TEXT_CHARACTERS)
            return _check_letters(model, transcript)


def _check_letters(model: KnownModel, text: str) -> str:
    return model.planner.check_text(text) if model.planner is not None else normalize(text, None, None)


def _source(form: SharedFields) -> str:
    if form.upload_id is not None:
        return UPLOAD_ID
    return VOICE if form.voice_url is None else VOICE_URL


def _check_length(text: str, max_characters: int, elsewhere: str = "") -> None:
    if not text.strip():
        raise EmptyText("The text holds nothing to say.")
    if len(text) > max_characters:
        raise TooLongText(f"The text has {len(text)} characters; at most {max_characters} are accepted.{elsewhere}")


@contextmanager
def _blaming(field: str, kind: type[TimbreError] = TextError) -> Iterator[None]:
    """Names the field that was refused: the core does not know how its input was called."""
    try:
        yield
    except kind as error:
        raise FieldRefused(field, error) from error
