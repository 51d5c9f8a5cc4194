# docker build -t ringroute . && docker run -p 127.0.0.1:50051:50051 -v ringroute:/var/lib/ringroute ringroute
#
# The image listens on all addresses of the container, and says so with RINGROUTE_INSECURE: publish the port on
# addresses that you trust, as above. The metrics are for the network of containers.
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
    RINGROUTE_METRICS=0.0.0.0:9464 \
    RINGROUTE_DATA_FOLDER=/var/lib/ringroute \
    RINGROUTE_LOG_FORMAT=json \
    RINGROUTE_INSECURE=true
USER ringroute
VOLUME /var/lib/ringroute
EXPOSE 50051 9464
# 1 is "calls are answered, and something should be looked at".
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ringroute status > /dev/null 2>&1; test $? -le 1
STOPSIGNAL SIGTERM
ENTRYPOINT ["ringroute"]
CMD ["serve"]
