# The server with its page, in a small image that runs as an ordinary user.
# `scripts/check-image-steps` runs these instructions without Docker, so it needs no copy of them.

FROM node:22-bookworm-slim AS page
WORKDIR /build/playground
COPY schema.graphql /build/
COPY clients/typescript /build/clients/typescript
COPY playground ./
RUN npm ci --no-audit --no-fund && npm run build

FROM rust:1.95-bookworm AS program
WORKDIR /build
COPY . .
COPY --from=page /build/playground/dist playground/dist
RUN cargo build --release --locked && mkdir data

FROM debian:bookworm-slim
# TLS to the database, Redis and providers needs the certificate authorities.
COPY --from=program /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=program --chown=10001:10001 /build/data /var/lib/sms-login
COPY --from=program /build/deploy/scf_bootstrap /build/target/release/sms-login /usr/local/bin/
ENV LISTEN_ADDR=0.0.0.0:8000 DATA_DIR=/var/lib/sms-login LOG_FORMAT=json
USER 10001:10001
VOLUME /var/lib/sms-login
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["sms-login", "healthcheck"]
ENTRYPOINT ["sms-login"]
