"""`python -m services.api.main`: the API process."""

import gc
import sys

import uvicorn
from fastapi import FastAPI

from services.api.allocator import settle_allocator
from services.api.app import create_app
from services.shared.logging import configure_logging
from services.shared.parts import connect
from services.shared.settings import Settings, SettingsError, load_settings
from services.shared.telemetry.endpoint import shown
from services.shared.telemetry.instrumented import instrumented

#: How long a stopping process lets clients that wait for audio wait on.
STOP_SECONDS = 5
#: The longest message of a WebSocket's client: more text than anybody writes at once.
WEBSOCKET_BYTES = 64 * 1024
#: How long one may take to answer a ping: who reads as slowly as it plays has minutes of audio before that.
WEBSOCKET_PATIENCE_SECONDS = 600.0


def main() -> None:
    try:
        settings = load_settings()
        settings.check_exposure()
        settle_allocator()
        configure_logging(settings)
        parts = instrumented("api", connect(settings))
        app = create_app(parts)
        gc.collect()
        # What is there by now stays: looking through it later would halt all requests for a tenth of a second.
        gc.freeze()
        with shown("api", settings, parts.meter, ready=lambda: True):
            serve(app, settings)
    except SettingsError as error:
        sys.exit(str(error))


def serve(app: FastAPI, settings: Settings) -> None:
    """Until told to stop."""
    uvicorn.run(
        app,
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        ws_max_size=WEBSOCKET_BYTES,
        # Audio does not get smaller by it, and each connection would keep a quarter of a megabyte for it.
        ws_per_message_deflate=False,
        ws_ping_timeout=WEBSOCKET_PATIENCE_SECONDS,
    )


if __name__ == "__main__":
    main()
