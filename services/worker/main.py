"""`python -m services.worker.main`: speak jobs until told to stop."""

import sys

import structlog

from f5_tts_core.errors import TimbreError
from services.shared.logging import configure_logging
from services.shared.settings import SettingsError, load_settings
from services.worker.app import create_app
from services.worker.process import leave_on_signals

logger = structlog.get_logger("services.worker.main")


def main() -> int:
    leave_on_signals()
    try:
        settings = load_settings()
        configure_logging(settings)
        app = create_app(settings)
    except (SettingsError, TimbreError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        return app.run()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except TimbreError as error:
        logger.critical("worker_unusable", reason=error.type, detail=str(error))
        return 2
    finally:
        app.close()


if __name__ == "__main__":
    sys.exit(main())
