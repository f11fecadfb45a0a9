"""Whose voices a text's marks name."""

from collections.abc import Collection

from services.api.errors import InvalidField, SpeakerUnknown
from services.api.forms.speech import SpeechForm
from services.api.jobs.checks import InputChecks
from services.api.uploads.spool import Upload
from services.api.voices.library import VoiceLibrary
from services.api.voices.named_voices import find_voice
from services.api.voices.sample_voice import NamedReference
from services.shared.dialogue import MAX_SPEAKERS, NARRATOR, Turn, has_marks
from services.shared.errors import VoiceNotFound
from services.shared.voice import Voice

#: Who speaks, by mark.
Cast = dict[str, NamedReference]


def is_dialogue(form: SpeechForm, given_voices: Collection[str]) -> bool:
    """Whether marks are read: where that is asked for, and where nothing else says whose voice it is to be."""
    return (not given_voices and has_marks(form.text)) if form.dialogue is None else form.dialogue


def cast_voices(
    checks: InputChecks, library: VoiceLibrary, owner: str, form: SpeechForm, narrator: Upload | Voice | None
) -> tuple[SpeechForm, Cast]:
    """The request, checked, and whom its marks name. Where there are none, its text is what is to be spoken.

    Blocking. Raises `SpeakerUnknown`, and what `InputChecks.check` raises.
    """
    form, turns = checks.check_dialogue(owner, form)
    _check_narrator(checks, owner, form, turns[0], narrator)
    first = {turn.mark: turn for turn in reversed(turns) if turn.mark != NARRATOR}
    if len(first) > MAX_SPEAKERS:
        raise InvalidField(f"`text`: {len(first)} voices speak.", field="text", accepted=f"up to {MAX_SPEAKERS} voices")
    cast = {turn.mark: _voice(library, owner, turn) for turn in sorted(first.values(), key=lambda turn: turn.position)}
    for voice in cast.values():
        checks.check_reference(owner, form, voice)
    return (form if cast else form.model_copy(update={"text": turns[0].text})), cast


def _check_narrator(
    checks: InputChecks, owner: str, form: SpeechForm, first: Turn, narrator: Upload | Voice | None
) -> None:
    if narrator is not None:
        checks.check_reference(owner, form, narrator)
    elif first.mark == NARRATOR:
        detail = "`text`: nobody is named for its beginning."
        raise InvalidField(detail, field="text", accepted="a mark as `[name]` first, or a voice for what has none")
    elif form.ref_text is not None:
        raise InvalidField("`ref_text` is of no voice.", field="ref_text", accepted="left out, or with `voice`")


def _voice(library: VoiceLibrary, owner: str, turn: Turn) -> NamedReference:
    try:
        return find_voice(library, owner, turn.mark)
    except VoiceNotFound:
        raise SpeakerUnknown(turn.mark, turn.position) from None
