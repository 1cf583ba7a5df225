# The edge: reads cameras and sensors, and sends events to a gateway. It listens nowhere.
# Build from the repository's root: docker build -f docker/edge.Dockerfile -t streetcase-edge .
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore

WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY streetcase/ streetcase/
COPY edge/ edge/
COPY ingest/ ingest/
COPY api/ api/
COPY detectors/ detectors/
COPY models/ models/
RUN pip install '.[edge]'

# A new named volume takes its owner from the folder that it is mounted on.
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin streetcase \
    && install --directory --owner=streetcase --group=streetcase --mode=0750 \
       /srv/streetcase /srv/streetcase/edge-data \
    && rm -r /build
WORKDIR /srv/streetcase
USER streetcase

VOLUME ["/srv/streetcase/edge-data"]
# A running edge writes its status every second.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, sys, time; sys.exit(time.time() - os.stat('/srv/streetcase/edge-data/status.json').st_mtime > 60)"]
ENTRYPOINT ["streetcase"]
CMD ["edge", "run", "/etc/streetcase/edge.yaml"]
