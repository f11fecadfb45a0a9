"""A recording that passed is not judged again for the same client."""

import hashlib
import io

import pytest

from services.api.errors import FieldRefused
from services.api.forms.speech import SpeechForm
from services.api.jobs.checks import InputChecks
from services.api.uploads.passed import Judged, PassedUploads
from services.api.uploads.spool import Upload
from tests.unit.api.client import REFERENCE, REFERENCE_TEXT, Client

DIGEST = hashlib.sha256(REFERENCE).hexdigest()
FORM = SpeechForm(text="Hello.", ref_text=REFERENCE_TEXT)


@pytest.fixture
def checks(client: Client) -> InputChecks:
    checks: InputChecks = client.app.state.api.checks
    checks.check_reference("alice", FORM, Upload(io.BytesIO(REFERENCE), len(REFERENCE), DIGEST))
    return checks


@pytest.fixture
def unreadable() -> Upload:
    """What would be refused if anybody looked."""
    return Upload(io.BytesIO(b"no audio"), 8, DIGEST)


def test_who_sent_it_before_is_believed(checks: InputChecks, unreadable: Upload) -> None:
    checks.check_reference("alice", FORM, unreadable)


def test_others_are_not(checks: InputChecks, unreadable: Upload) -> None:
    with pytest.raises(FieldRefused):
        checks.check_reference("bob", FORM, unreadable)


def test_another_transcript_is_held_against_it_again(checks: InputChecks, unreadable: Upload) -> None:
    with pytest.raises(FieldRefused):
        checks.check_reference("alice", FORM.model_copy(update={"ref_text": "Other words, as many."}), unreadable)


def test_what_was_refused_is_refused_again(checks: InputChecks) -> None:
    wrong = Upload(io.BytesIO(b"no audio"), 8, "a digest of its own")
    for _ in range(2):
        with pytest.raises(FieldRefused):
            checks.check_reference("alice", FORM, wrong)


def test_those_sent_lately_are_remembered() -> None:
    first, second, third = (Judged("alice", digest, None, 5.0) for digest in "abc")
    passed = PassedUploads(size=2)
    passed.add(first)
    passed.add(second)
    assert first in passed
    passed.add(third)
    assert [one in passed for one in (first, second, third)] == [True, False, True]
