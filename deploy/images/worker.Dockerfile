# The worker, in two builds. Of models it has the bundled one alone (18 MB, part of the package): others are mounted.
#   docker build --file deploy/images/worker.Dockerfile --target cuda --tag timbre-worker:0.1.0-cuda .
#   docker build --file deploy/images/worker.Dockerfile --target cpu --build-arg TORCH_INDEX=… --tag timbre-worker:0.1.0-cpu .
# With `--build-arg EXTRAS=worker,whisper` it can write down what references say: TRANSCRIBER=faster-whisper.

FROM python:3.11.14-slim-bookworm AS source
ARG EXTRAS=worker
WORKDIR /src
COPY . .
RUN python -m venv --without-pip /opt/timbre

# PyPI's torch brings CUDA's libraries along; of the host it needs the driver alone.
FROM source AS build-cuda
RUN pip --python /opt/timbre/bin/python install --no-cache-dir --disable-pip-version-check --constraint constraints.txt ".[${EXTRAS}]"

# An index of torch's CPU builds, in TORCH_INDEX: without it the image works, with gigabytes of CUDA that nobody needs.
FROM source AS build-cpu
ARG TORCH_INDEX
RUN pip --python /opt/timbre/bin/python install --no-cache-dir --disable-pip-version-check --constraint constraints.txt ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}"} ".[${EXTRAS}]"

FROM python:3.11.14-slim-bookworm AS runtime
LABEL org.opencontainers.image.title="timbre-worker" org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/timbre/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    WORKER_METRICS_PORT=9464
USER 10001:10001
WORKDIR /tmp
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"WORKER_METRICS_PORT\"]}/healthz', timeout=4)"]
ENTRYPOINT ["python", "-P", "-m", "services.worker.main"]

FROM runtime AS cpu
COPY --from=build-cpu /opt/timbre /opt/timbre
ENV DEVICE=cpu

FROM runtime AS cuda
# Triton builds what launches the GPU's kernels where they run, once, in a second; libc's headers change with its fixes.
USER 0:0
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
USER 10001:10001
COPY --from=build-cuda /opt/timbre /opt/timbre
# The first two are for NVIDIA's container runtime; the path is where GKE puts the driver.
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    LD_LIBRARY_PATH=/usr/local/nvidia/lib64 \
    TRITON_CACHE_DIR=/tmp/triton \
    DEVICE=cuda
