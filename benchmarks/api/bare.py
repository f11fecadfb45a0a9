"""`python -m benchmarks.api.bare`: the least that takes an upload in. FastAPI's own form, one write, an id."""

from typing import Annotated, Final

import uvicorn
from fastapi import FastAPI, Form, UploadFile

from services.shared.job import new_id, reference_key
from services.shared.parts import connect
from services.shared.ports import BlobStore, Clock
from services.shared.settings import load_settings

#: What an upload is stored as by who gives it no thought: our client's own default.
_CONTENT_TYPE: Final = "application/octet-stream"


def create_app(blobs: BlobStore, clock: Clock) -> FastAPI:
    app = FastAPI()

    @app.get("/readyz")
    def ready() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/tts", status_code=202)
    def store(voice: UploadFile, text: Annotated[str, Form()]) -> dict[str, str | int]:
        job_id = new_id(clock())
        blobs.put(reference_key(job_id), voice.file, voice.size or 0, _CONTENT_TYPE)
        return {"job_id": job_id, "characters": len(text)}

    return app


def main() -> None:
    parts = connect(load_settings())
    settings = parts.settings
    app = create_app(parts.blobs, parts.clock)
    uvicorn.run(app, host=settings.api_host, port=settings.api_port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
