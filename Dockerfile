# ecapi on the official image of PostgreSQL.
#
#   docker build -t postgres-ecapi --build-arg PG_MAJOR=15 .
#
# It is used as that image is, with its variables and its folders.  The library is
# preloaded; tokens and CA files are read from /etc/ecapi, which is a place to mount.
# CREATE EXTENSION is left to you, or to a file in /docker-entrypoint-initdb.d.
#
# test/package.sh runs these very steps in a root folder with Debian's server, because
# the tests reach no registry of images: what is not tested is the base image itself.

ARG PG_MAJOR=15

FROM postgres:${PG_MAJOR}-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
        gcc libc6-dev make pkg-config postgresql-server-dev-$PG_MAJOR \
        libcurl4-openssl-dev libicu-dev libjson-c-dev liblbfgs-dev \
        librdkafka-dev libssl-dev
COPY Makefile ecapi.control /ecapi/
COPY doc /ecapi/doc
COPY sql /ecapi/sql
COPY src /ecapi/src
# with_llvm: as debian/rules has it; clean: a clone may hold what was built elsewhere
RUN export PG_CONFIG=/usr/lib/postgresql/$PG_MAJOR/bin/pg_config && cd /ecapi && \
    make clean && make -j "$(nproc)" with_llvm=no && make install with_llvm=no DESTDIR=/out

FROM postgres:${PG_MAJOR}-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends \
        ca-certificates libcurl4 libicu72 libjson-c5 liblbfgs0 librdkafka1 libssl3 && \
    rm -rf /var/lib/apt/lists/*
COPY --from=build /out/ /
RUN install -d -o postgres -g postgres -m 700 /etc/ecapi && \
    printf "shared_preload_libraries = 'ecapi'\necapi.credential_directory = '/etc/ecapi'\n" \
        >>/usr/share/postgresql/$PG_MAJOR/postgresql.conf.sample
