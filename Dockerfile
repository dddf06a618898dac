# The image of sealed-relay: docker build --tag sealed-relay .
# .ci/run runs the build stage without a container engine: it knows only COPY and RUN on one line there.

FROM rust:1.95-slim-trixie AS build
WORKDIR /build

# What is compiled besides Rust: C (SQLite, the cryptography of TLS and tokens) and jemalloc, which needs make.
# hadolint ignore=DL3008,DL3009
RUN apt-get update && apt-get install --no-install-recommends --yes gcc libc6-dev make

# The dependencies in a layer of their own: it is built again only when they change.
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
COPY vendor/engineioxide vendor/engineioxide
# What tests use is not built, but named in Cargo.toml: so Cargo wants to read what it is.
COPY tests/support/Cargo.toml tests/support/
RUN mkdir -p src/bin/sealed-relay tests/support/src data && touch src/lib.rs tests/support/src/lib.rs && echo 'fn main() {}' > src/bin/sealed-relay/main.rs
RUN cargo build --release --locked && cargo clean --release --locked --package sealed-relay

COPY src src
# The commit, for relay_build_info in /metrics.
ARG RELAY_REVISION
RUN cargo build --release --locked

# The program needs glibc, and the certificates of the authorities for a jwks_url with https.
FROM debian:trixie-slim
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /build/target/release/sealed-relay /usr/local/bin/
COPY --from=build --chown=10001:10001 /build/data /data

ENV DATA_DIR=/data
VOLUME /data
EXPOSE 3000
USER 10001:10001
STOPSIGNAL SIGTERM
# It asks the address in the configuration, which it finds as the server does: name a file by RELAY_CONFIG.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["sealed-relay", "health"]
ENTRYPOINT ["sealed-relay"]
