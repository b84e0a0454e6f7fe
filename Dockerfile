# graphrisk as a batch job or as the API. The Neo4j server is another container (docker-compose.yml), so no Java is in here.
FROM python:3.11-slim-bookworm AS build
# Compiled here, since the user of the image cannot keep what Python compiles, and would do it at each start.
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /build
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --no-install-project
COPY README.md LICENSE ./
COPY graphrisk graphrisk
RUN uv sync --frozen --no-dev --no-editable

FROM python:3.11-slim-bookworm
# A home that its user owns: a new volume that is mounted there takes over the owner.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin graphrisk \
    && install --directory --owner graphrisk --mode 700 /var/lib/graphrisk
COPY --from=build /build/.venv /build/.venv
ENV PATH=/build/.venv/bin:$PATH GRAPHRISK_HOME=/var/lib/graphrisk PYTHONUNBUFFERED=1
USER graphrisk
WORKDIR /var/lib/graphrisk
VOLUME /var/lib/graphrisk
ENTRYPOINT ["graphrisk"]
CMD ["--help"]
