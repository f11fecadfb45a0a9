"""The models that requests may name, and which one speaks for those that name none."""

from random import Random
from typing import TypeVar

from services.api.errors import FieldRefused, ModelNotFound
from services.api.forms.languages import Languages
from services.api.forms.options import SpeechOptions
from services.api.jobs.known_model import KnownModel
from services.shared.settings import Settings

Options = TypeVar("Options", bound=SpeechOptions)


class Models:
    """Thread-safe."""

    def __init__(self, settings: Settings, chance: Random | None = None) -> None:
        self._shares = settings.models
        self._chance = chance or Random()  # noqa: S311 - Whoever foresees the draw may name the model as well.
        own = KnownModel.configured(settings)
        #: What may be asked of no model in particular: where there are several, a voice is good for each that takes it.
        self.any = KnownModel(Languages()) if self._shares else own
        self._known = {
            name: own if name == settings.served_model else KnownModel.elsewhere(name, settings)
            for name in settings.known_models
        }

    def settle(self, options: Options) -> Options:
        """What is asked, with the model that is to speak it: drawn of several where none is named.

        Of those that speak the request's language, where it names one that some speak.

        Raises `FieldRefused` where there is none of this name.
        """
        if options.model is not None:
            self.known(options.model)
            return options
        return self._drawn(options) if self._shares else options

    def redraw(self, options: Options) -> Options:
        """What is asked, with another model where one was drawn before its language was known and does not speak it."""
        if options.model is None or self.known(options.model).languages.include(options.language):
            return options
        return self._drawn(options)

    def known(self, name: str | None) -> KnownModel:
        """Of what a request has settled on. Raises `FieldRefused` where there is none of this name."""
        if name is None:
            return self.any
        if name not in self._known:
            accepted = f"one of {', '.join(self._known)}"
            raise FieldRefused("model", ModelNotFound(f"There is no model `{name}`.", accepted=accepted))
        return self._known[name]

    def _drawn(self, options: Options) -> Options:
        asked = options.language
        fitting = {name: share for name, share in self._shares.items() if self._known[name].languages.include(asked)}
        shares = fitting if any(fitting.values()) else self._shares
        (name,) = self._chance.choices(list(shares), list(shares.values()))
        return options.model_copy(update={"model": name})
