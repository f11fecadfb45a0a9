"""`python -m services.api.main`: the API process."""

import sys

import uvicorn

from services.api.app import create_app
from services.shared.logging import configure_logging
from services.shared.parts import connect
from services.shared.settings import SettingsError, load_settings

#: How long a stopping process lets clients that wait for audio wait on.
STOP_SECONDS = 5
#: The longest message of a WebSocket's client: more text than anybody writes at once.
WEBSOCKET_BYTES = 64 * 1024


def main() -> None:
    try:
        settings = load_settings()
        settings.check_exposure()
        configure_logging(settings)
        app = create_app(connect(settings))
    except SettingsError as error:
        sys.exit(str(error))
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
    )


if __name__ == "__main__":
    main()
