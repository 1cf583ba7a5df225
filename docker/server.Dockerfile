# The centre: API, gateway and worker are this one image with different commands.
# Build from the repository's root: docker build -f docker/server.Dockerfile -t streetcase-server .
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
RUN pip install '.[server,postgres,s3]'

# A new named volume takes its owner from the folder that it is mounted on.
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin streetcase \
    && install --directory --owner=streetcase --group=streetcase --mode=0750 \
       /srv/streetcase /srv/streetcase/evidence /srv/streetcase/archive /srv/streetcase/key \
    && rm -r /build
WORKDIR /srv/streetcase
USER streetcase

EXPOSE 8000 8001
VOLUME ["/srv/streetcase/evidence", "/srv/streetcase/archive", "/srv/streetcase/key"]
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
ENTRYPOINT ["streetcase"]
CMD ["api", "serve", "--host", "0.0.0.0", "--port", "8000"]
