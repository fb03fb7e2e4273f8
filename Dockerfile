# streamkl as a container: non-root, and happy on a read-only root file system with /tmp and /var/lib/streamkl writable.
# Everything is installed by one command of the Makefile from hash-locked wheels; a test runs it without a container engine.

FROM python:3.13.9-bookworm AS build
WORKDIR /src
COPY Makefile pyproject.toml README.md LICENSE ./
COPY scripts ./scripts
COPY requirements ./requirements
COPY streamkl ./streamkl
RUN make install-runtime VENV=/opt/streamkl
# An empty folder to be given to the user below: COPY is the one way to make one without a shell.
WORKDIR /state

FROM python:3.13.9-slim-bookworm
COPY --from=build /opt/streamkl /opt/streamkl
COPY --from=build --chown=10001:10001 /state /var/lib/streamkl
COPY config /etc/streamkl
# What is kept: learned state, tables of thresholds, compiled kernels.
ENV PATH=/opt/streamkl/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/var/lib/streamkl/kernels \
    STREAMKL_CACHE=/var/lib/streamkl/cache \
    STREAMKL_STATE__DIRECTORY=/var/lib/streamkl/state
USER 10001:10001
WORKDIR /var/lib/streamkl
EXPOSE 9464
STOPSIGNAL SIGTERM
ENTRYPOINT ["streamkl"]
CMD ["run", "/etc/streamkl/streamkl.toml"]
