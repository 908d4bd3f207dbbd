# The image of one service: a bundle of it on a Node without a shell. Any Docker with BuildKit builds it (23.0 and
# later do by themselves); there is no `# syntax` line, which would fetch a frontend from a registry first.
#
#   docker build --build-arg SERVICE=metadata -t localhost/movies/metadata .
#
# The runtime stage is the last, so that it is built by default; `--target dev` gives the one that restarts when
# sources are put into it. Node is of the same major and C library in both.
ARG NODE_IMAGE=node:24-bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot

# What `npm ci` reads. Of every workspace, since those that the lock file names and npm does not find are dangling links.
FROM scratch AS manifests
COPY package.json package-lock.json /
COPY packages/api/package.json /packages/api/
COPY packages/database/package.json /packages/database/
COPY packages/discovery/package.json /packages/discovery/
COPY packages/http-service/package.json /packages/http-service/
COPY packages/service-client/package.json /packages/service-client/
COPY packages/time/package.json /packages/time/
COPY services/metadata/package.json /services/metadata/
COPY services/movie/package.json /services/movie/
COPY services/rating/package.json /services/rating/

# Runs on the builder's own processor: a bundle is the same for all.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /app
COPY --from=manifests / ./
# Without install scripts esbuild works all the same, and the dev dependency `node` brings no second Node.
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY packages/api packages/api
COPY packages/database packages/database
COPY packages/discovery packages/discovery
COPY packages/http-service packages/http-service
COPY packages/service-client packages/service-client
COPY packages/time packages/time
ARG SERVICE
COPY services/${SERVICE} services/${SERVICE}
COPY scripts/bundle.mjs scripts/
RUN node scripts/bundle.mjs "$SERVICE" /out

# Sources, ts-node and nodemon, which follows files that are unlinked and written anew, as a sync by tar does;
# `node --watch` goes deaf after the first. Sources and their folders belong to the user, who could not replace them else.
FROM ${NODE_IMAGE} AS dev
# Node is also where the runtime image has it: `make smoke` and `make load` run it in whatever image movie has.
RUN mkdir /app && chown 65532:65532 /app && mkdir -p /nodejs/bin && ln -s /usr/local/bin/node /nodejs/bin/node
WORKDIR /app
COPY --from=manifests --chown=65532:65532 / ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --no-audit --no-fund
COPY --chown=65532:65532 tsconfig.json ./
COPY --chown=65532:65532 packages/api packages/api
COPY --chown=65532:65532 packages/database packages/database
COPY --chown=65532:65532 packages/discovery packages/discovery
COPY --chown=65532:65532 packages/http-service packages/http-service
COPY --chown=65532:65532 packages/service-client packages/service-client
COPY --chown=65532:65532 packages/time packages/time
ARG SERVICE
COPY --chown=65532:65532 services/${SERVICE} services/${SERVICE}
# In a pod, a service that is told to stop serves on for those who have not heard of it; an edit would wait for that.
ENV SERVICE=${SERVICE} NODE_ENV=development PORT=8080 NODE_FLAGS= SHUTDOWN_DELAY_MS=0
USER 65532:65532
EXPOSE 8080
# The base image's entrypoint is a shell script. nodemon hands what is to be run to a shell, hence $SERVICE and exec.
# NODE_FLAGS go to the service, as --inspect does; NODE_OPTIONS would reach nodemon too. nodemon has no delay unless it is
# told one, which every edit would wait for; of files that come one after another, the last one starts the last process.
ENTRYPOINT []
CMD ["/app/node_modules/.bin/nodemon", "--watch", "packages", "--watch", "services", "--ext", "ts,json,sql", "--signal", "SIGTERM", "--exec", "exec node $NODE_FLAGS -r ts-node/register services/$SERVICE/src/main.ts"]

FROM ${RUNTIME_IMAGE} AS runtime
ARG SERVICE
# The heap's share of the memory limit; what is left is for buffers, code and stacks. A variable, so that a manifest can
# set another. glibc keeps what is freed in an arena for each thread that allocates; with one for all, movie under load
# takes 12 MiB less, and no more processor time.
ENV NODE_ENV=production PORT=8080 NODE_OPTIONS=--max-old-space-size-percentage=70 MALLOC_ARENA_MAX=1
# In this order, since WORKDIR would give a folder that is not there yet to the base image's user.
COPY --from=build /out/ /app/
WORKDIR /app
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/nodejs/bin/node", "--enable-source-maps", "main.js"]
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="movies/${SERVICE}" \
      org.opencontainers.image.description="The ${SERVICE} service of Movies" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="MIT"
