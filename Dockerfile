# docker build -t ctvigil .
FROM debian:12 AS build
WORKDIR /src
COPY . .
RUN ./dev setup && cmake --preset dev -DBUILD_TESTING=OFF -DCT_BENCH=OFF \
    && cmake --build build --target ctvigil

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
      ca-certificates libcurl4 libmbedcrypto7 libmbedx509-1 libsimdjson14 \
      libpq5 libpqxx-6.4 libfmt9 libspdlog1.10 libtomlplusplus3 \
      libcpp-httplib0.11 libprometheus-cpp-core1.0 libpsl5 libidn2-0 libdeflate0 libzip4 zlib1g \
      libsystemd0 publicsuffix postgresql \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/build/ctvigil /usr/bin/ctvigil
VOLUME /var/lib/ctvigil
ENTRYPOINT ["ctvigil"]
CMD ["run"]
