# Two stages: the second holds no compiler, no pip cache and no tests. The lock holds the extras "nodes" and "postgres":
# one image is the daemon, over a file or over PostgreSQL, or with the command `node` one of the nodes (docs/NODES.md).
FROM docker.io/library/python:3.12-slim AS build
WORKDIR /src
RUN python3 -m venv /opt/notifier
COPY requirements.lock pyproject.toml README.md ./
RUN /opt/notifier/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY notifier ./notifier
RUN /opt/notifier/bin/pip install --no-cache-dir --no-deps .

FROM docker.io/library/python:3.12-slim
COPY --from=build /opt/notifier /opt/notifier
COPY config /etc/notifier
RUN useradd --system --uid 10001 --home-dir /var/lib/notifier --create-home --shell /usr/sbin/nologin notifier
USER 10001
ENV PATH=/opt/notifier/bin:$PATH NOTIFIER_CONFIG=/etc/notifier NOTIFIER_STORE=/var/lib/notifier/notifier.db PYTHONUNBUFFERED=1
VOLUME /var/lib/notifier
EXPOSE 9273
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9273/healthz', timeout=4)"]
ENTRYPOINT ["notifier"]
CMD ["run", "--log-format", "json"]
