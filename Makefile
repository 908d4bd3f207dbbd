# Everything runs on the Node that the project brings along: npm scripts find it first on their PATH.
# `start` does without npm and a shell between, so that Ctrl-C reaches one process, once.
#
# Variables have their defaults in scripts/: make hands down to recipes what its command line and its environment say.
SHELL := /bin/sh
.DEFAULT_GOAL := help
NPM_RUN := npm run --silent
# npm writes it last, and `npm ci` by hand does so, too.
INSTALLED := node_modules/.package-lock.json
PEERS_INSTALLED := bench/scenarios/node_modules/.package-lock.json
STRYKER_INSTALLED := hack/mutation/node_modules/.package-lock.json
MANIFESTS := package.json package-lock.json $(wildcard packages/*/package.json services/*/package.json)
# 1,331 of the 3,201 films in it have no director.
VEGA := --catalogue node_modules/vega-datasets/data/movies.json --format vega --max-rejected 1331

.PHONY: help
help: ## Explain every target
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } /^##= / { print "  " substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Run

.PHONY: start import-catalogue pack doctor
start: $(INSTALLED) ## Run all three services in one process, until Ctrl-C
	@exec node_modules/.bin/node -r ts-node/register start.ts

import-catalogue: $(INSTALLED) ## Put 1,870 films into metadata, or those of CATALOGUE
	@exec node_modules/.bin/node -r ts-node/register services/metadata/src/catalogue/main.ts $(if $(CATALOGUE),,$(VEGA))

pack: $(INSTALLED) ## Pack the library as npm tarballs, into dist
	@rm -rf dist
	@$(NPM_RUN) pack

doctor: ## Compare the tools here with what each target needs
	@sh scripts/doctor.sh

##@ Kubernetes

.PHONY: cluster-up cluster-down images load-images push deploy undeploy dev
cluster-up: ## Create a kind cluster of three nodes, called CLUSTER
	@target=$@; . scripts/lib/base.sh; need kind; \
	kind create cluster --name "$${CLUSTER:-movies}" --config hack/kind.yaml --wait 120s \
	  $${KIND_IMAGE:+--image "$$KIND_IMAGE"}

cluster-down: ## Delete that cluster
	@target=$@; . scripts/lib/base.sh; need kind; kind delete cluster --name "$${CLUSTER:-movies}"

images: ## Build the three images
	@sh scripts/build-images.sh

load-images: ## Put the images into the cluster of the current context
	@sh scripts/load-images.sh

push: ## Push the images to REGISTRY
	@sh scripts/push-images.sh

deploy: ## Build the images, bring them to the cluster, and run OVERLAY
	@sh scripts/deploy.sh

undeploy: ## Delete the namespace, with its volumes
	@sh scripts/undeploy.sh

dev: ## Build, deploy, and sync edits into the pods, until Ctrl-C
	@sh scripts/dev.sh

.PHONY: status logs port-forward smoke load scale
status: ## Show what runs, and where
	@sh scripts/status.sh

logs: ## Follow the logs of all pods
	@sh scripts/logs.sh

port-forward: ## Forward localhost 8081 to 8083 to metadata, rating and movie
	@sh scripts/port-forward.sh

smoke: ## Send REQUESTS requests in the cluster, and show who served
	@sh scripts/smoke.sh

load: ## Send RATE requests a second, and report, until Ctrl-C
	@sh scripts/load.sh

scale: ## Change how many there are: make scale SERVICE=rating N=3
	@sh scripts/scale.sh

##@ Test

.PHONY: test test-postgres test-consul test-dns test-kubernetes test-pack
test: $(INSTALLED) ## Check the sources, and test what needs only Node
	@$(NPM_RUN) check -- format lint types imports local

test-postgres: $(INSTALLED) ## Test on a real PostgreSQL, which the tests start
	@$(NPM_RUN) check -- postgres

test-consul: $(INSTALLED) ## Test on a real Consul, which the tests start
	@$(NPM_RUN) check -- consul

test-dns: $(INSTALLED) ## Test on a real DNS server, dnsmasq, which the tests start
	@$(NPM_RUN) check -- dns

test-kubernetes: $(INSTALLED) ## Test the Kubernetes adapter with kubectl; Linux, root
	@$(NPM_RUN) check -- kubernetes

test-pack: $(INSTALLED) ## Test the packed library, installed elsewhere; npm registry
	@$(NPM_RUN) check -- pack

.PHONY: test-manifests lint-manifests test-images test-kind test-cluster rollout-test
test-manifests: $(INSTALLED) ## Test manifests, scripts and Dockerfile; kubectl, no cluster
	@$(NPM_RUN) check -- manifests

lint-manifests: $(INSTALLED) ## Run kube-score on the manifests, actionlint on workflows
	@$(NPM_RUN) check -- manifest-lint

test-images: $(INSTALLED) ## Build the images, and test them
	@$(NPM_RUN) check -- images

test-kind: $(INSTALLED) ## Walk the README's steps on a kind cluster, created for it
	@$(NPM_RUN) check -- kind

test-cluster: $(INSTALLED) ## Deploy each overlay in a cluster of yours, and test it
	@target=$@; . scripts/lib/cluster.sh; guard; $(NPM_RUN) check -- deployed cluster

rollout-test: $(INSTALLED) ## Restart, scale, kill and unplug: 0 failed requests
	@target=$@; . scripts/lib/cluster.sh; guard; $(NPM_RUN) check -- rollout

##@ Measure

.PHONY: bench bench-scenarios soak fault-matrix mutation
bench: $(INSTALLED) ## Measure against peers in the same run; BENCH picks a part
	@$(NPM_RUN) bench -- $(BENCH)

bench-scenarios: $(INSTALLED) $(PEERS_INSTALLED) ## Break instances under peers and ours; npm registry, once
	@node_modules/.bin/tsc -p bench/scenarios/peers
	@$(NPM_RUN) bench-scenarios -- $(BENCH)

soak: $(INSTALLED) ## Follow a Service for SOAK_HOURS, and watch token and heap
	@$(NPM_RUN) soak

fault-matrix: $(INSTALLED) ## Measure how the Kubernetes adapter recovers from each fault
	@node_modules/.bin/node -r ts-node/register hack/fault-matrix.ts

mutation: $(INSTALLED) $(STRYKER_INSTALLED) ## Mutate the client's policies, and count what no test notices
	@node_modules/.bin/node hack/mutation/node_modules/.bin/stryker run hack/mutation/stryker.config.mjs

##@ Maintain

.PHONY: format audit
format: $(INSTALLED) ## Format every file
	@$(NPM_RUN) format

audit: $(INSTALLED) ## Look for known holes in what the services depend on
	@$(NPM_RUN) check -- audit

# A checkout gives files a new time also when their content is what was installed from.
$(INSTALLED): $(MANIFESTS)
	@if test -f $@ && cksum $(MANIFESTS) | cmp -s - node_modules/.installed-from; then touch $@; else \
	  echo 'npm ci' >&2 && npm ci --no-audit --no-fund --loglevel=error && cksum $(MANIFESTS) >node_modules/.installed-from; fi

# Apart from the project's own dependencies: nothing but this measurement needs them.
$(PEERS_INSTALLED): bench/scenarios/package.json bench/scenarios/package-lock.json
	@echo 'npm ci in bench/scenarios' >&2 && cd bench/scenarios && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json

# The same.
$(STRYKER_INSTALLED): hack/mutation/package.json hack/mutation/package-lock.json
	@echo 'npm ci in hack/mutation' >&2 && cd hack/mutation && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json

##@ Variables, as in make deploy OVERLAY=dns, or from the environment
##= DATABASE_URL        of start: file:./data keeps the state
##= CATALOGUE, URL      of import-catalogue: a file, or - for stdin; and where to
##= NAMESPACE           of all under Kubernetes: movies
##= OVERLAY             of deploy and dev: kubernetes, dns, consul or database-url
##= VERSION             the images' tag and label; else as in package.json
##= REGISTRY            what the images' names begin with: localhost/movies
##= SKIP_IMAGES=1       of deploy: the cluster has the images, or can pull them
##= PULL_SECRET         of deploy: the Secret to pull the images with
##= DEPLOY_TIMEOUT      of deploy: how many seconds a workload may take, 600
##= DOCKER              another client than docker, or one with arguments
##= DOCKER_BUILD_FLAGS  what its build gets besides: --network=host
##= IMAGE_LOADER        for other clusters: a command that reads image archives
##= CLUSTER             of cluster-up and cluster-down: movies
##= KIND_IMAGE          of cluster-up: another kindest/node, for its Kubernetes
##= ONLY                of the tests: a part of the paths of the files to run
##= CLUSTER_IS_MINE=1   lets targets that delete do so in a cluster elsewhere
##= REQUESTS            of smoke: 40
##= RATE, DURATION      of load: 300 a second, for 900 seconds
##= AVOID               of load: a node that it must not use
