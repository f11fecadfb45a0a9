# The API, with `timbre` to make keys: stateless, without torch, without models.
#   docker build --file deploy/images/api.Dockerfile --tag timbre-api:0.1.0 .

FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN python -m venv --without-pip /opt/timbre \
 && pip --python /opt/timbre/bin/python install --no-cache-dir --disable-pip-version-check --constraint constraints.txt '.[api,cli]' \
 && rm /opt/timbre/lib/python3.11/site-packages/f5_tts_core/assets/timbre-tiny/model.safetensors

FROM python:3.11.14-slim-bookworm
LABEL org.opencontainers.image.title="timbre-api" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/timbre /opt/timbre
ENV PATH=/opt/timbre/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    API_HOST=0.0.0.0 \
    API_PORT=8000
# Nothing is written but to /tmp, where uploads lie until they are whole: the root may be read-only.
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"API_PORT\"]}/healthz', timeout=4)"]
ENTRYPOINT ["python", "-P", "-m", "services.api.main"]
