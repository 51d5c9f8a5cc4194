# docker build -t ringroute .
# docker run -p 127.0.0.1:50051:50051 -p 127.0.0.1:8080:8080 -v ringroute:/var/lib/ringroute ringroute
#
# The image listens on all addresses of the container, and says so with RINGROUTE_INSECURE: publish the ports of calls
# and of the console on addresses that you trust, as above. The metrics are for the network of containers.
FROM rust:1.89-bookworm AS build
WORKDIR /build
COPY . .
RUN cargo build --release --locked --bin ringroute

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && adduser --system --group --home /var/lib/ringroute --uid 10001 ringroute \
    && install -d -m 0700 -o ringroute -g ringroute /var/lib/ringroute
COPY --from=build /build/target/release/ringroute /usr/bin/ringroute
ENV RINGROUTE_LISTEN=0.0.0.0:50051 \
    RINGROUTE_CONSOLE_ADDRESS=0.0.0.0:8080 \
    RINGROUTE_METRICS=0.0.0.0:9464 \
    RINGROUTE_DATA_FOLDER=/var/lib/ringroute \
    RINGROUTE_LOG_FORMAT=json \
    RINGROUTE_INSECURE=true
USER ringroute
VOLUME /var/lib/ringroute
EXPOSE 50051 8080 9464
# Alive is who tells how it is, or asks for a token first: what is wrong with it, such as that there are no phonebooks yet,
# no restart puts right.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ringroute status --json 2>&1 | grep -qE '"health"|token'
STOPSIGNAL SIGTERM
ENTRYPOINT ["ringroute"]
CMD ["serve"]
