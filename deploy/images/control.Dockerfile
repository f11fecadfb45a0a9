# Control: looks after jobs, webhooks and lifetimes. Without torch, without models.
#   docker build --file deploy/images/control.Dockerfile --tag timbre-control:0.1.0 .

FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN python -m venv --without-pip /opt/timbre \
 && pip --python /opt/timbre/bin/python install --no-cache-dir --disable-pip-version-check --constraint constraints.txt '.[control]' \
 && rm /opt/timbre/lib/python3.11/site-packages/f5_tts_core/assets/timbre-tiny/model.safetensors

FROM python:3.11.14-slim-bookworm
LABEL org.opencontainers.image.title="timbre-control" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/timbre /opt/timbre
ENV PATH=/opt/timbre/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CONTROL_METRICS_PORT=9464
USER 10001:10001
WORKDIR /tmp
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"CONTROL_METRICS_PORT\"]}/healthz', timeout=4)"]
ENTRYPOINT ["python", "-P", "-m", "services.worker.control"]
