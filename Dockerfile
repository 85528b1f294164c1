# Fairfare with everything production needs; runs without root and with a read-only root file system.
# Pin the base image by digest where you build: --build-arg BASE=python@sha256:...
ARG BASE=python:3.11-slim-trixie

FROM ${BASE} AS build
WORKDIR /src
RUN python -m venv /opt/fairfare
COPY requirements-prod.lock ./
RUN /opt/fairfare/bin/pip install --no-cache-dir --require-hashes --requirement requirements-prod.lock
COPY pyproject.toml README.md LICENSE ./
COPY api api
COPY forecasting forecasting
COPY optimization optimization
COPY pricing pricing
RUN /opt/fairfare/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM ${BASE}
# pg_dump and pg_restore, which `fairfare backup` and `restore` call, follow the base image's security updates
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends postgresql-client \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --home-dir /data --shell /usr/sbin/nologin fairfare \
 && install --directory --owner=fairfare --mode=0700 /data
COPY --from=build /opt/fairfare /opt/fairfare
ENV PATH=/opt/fairfare/bin:$PATH OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["fairfare"]
CMD ["serve", "--workspace", "/data", "--host", "0.0.0.0", "--port", "8000"]
