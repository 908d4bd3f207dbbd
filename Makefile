# Everything runs on the Node that the project brings along: npm scripts find it first on their PATH.
# `start` does without npm and a shell between, so that Ctrl-C reaches one process, once.
SHELL := /bin/sh
.DEFAULT_GOAL := help
NPM_RUN := npm run --silent
INSTALLED := node_modules/.installed

# Of the images, of make deploy and its kin; the rest is the current kubectl context's.
VERSION ?= $(shell sed -n 's/^  "version": "\(.*\)",/\1/p' package.json)
DOCKER ?= docker
DOCKER_BUILD_FLAGS ?=
IMAGE_LOADER ?=
OVERLAY ?= kubernetes
CLUSTER ?= movies
REQUESTS ?= 40
KUBECTL := kubectl --namespace movies
# 1,331 of the 3,201 films in it have no director.
VEGA := --catalogue node_modules/vega-datasets/data/movies.json --format vega --max-rejected 1331
export VERSION DOCKER DOCKER_BUILD_FLAGS IMAGE_LOADER

.PHONY: help start import-catalogue test test-postgres test-consul test-dns test-kubernetes test-pack test-manifests lint-manifests test-cluster images load-images test-images cluster-up cluster-down deploy undeploy dev status logs port-forward smoke scale rollout-test soak fault-matrix pack audit format bench doctor

help: ## Explain every target
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

start: $(INSTALLED) ## Run all three services in one process, with sample movies, until Ctrl-C; DATABASE_URL=file:./data keeps the votes
	@exec node_modules/.bin/node -r ts-node/register start.ts

import-catalogue: $(INSTALLED) ## Put 1,870 films into metadata, or those of CATALOGUE=<file, or - for standard input>; URL=http://localhost:8081
	@exec node_modules/.bin/node -r ts-node/register services/metadata/src/catalogue/main.ts $(if $(CATALOGUE),,$(VEGA))

test: $(INSTALLED) ## Format, lint, types, import rules, and every test that needs nothing but Node
	@$(NPM_RUN) check -- format lint types imports local

test-postgres: $(INSTALLED) ## The tests on a real PostgreSQL, which it starts: POSTGRES_BIN, pg_config's, the PATH's, or Debian's
	@$(NPM_RUN) check -- postgres

test-consul: $(INSTALLED) ## The tests on a real Consul: CONSUL_BIN, or consul on the PATH
	@$(NPM_RUN) check -- consul

test-dns: $(INSTALLED) ## The tests on a real DNS server: DNSMASQ_BIN, or dnsmasq on the PATH or in /usr/sbin
	@$(NPM_RUN) check -- dns

test-kubernetes: $(INSTALLED) ## The Kubernetes adapter with kubectl, a black hole and real time: kubectl, ip and iptables, root
	@$(NPM_RUN) check -- kubernetes

test-pack: $(INSTALLED) ## The tests on the packed library, installed elsewhere; needs the npm registry
	@$(NPM_RUN) check -- pack

test-manifests: $(INSTALLED) ## The tests on the Kubernetes manifests: kubectl, and no cluster
	@$(NPM_RUN) check -- manifests

lint-manifests: $(INSTALLED) ## kube-score on the manifests: KUBE_SCORE, or kube-score on the PATH; kubectl
	@$(NPM_RUN) check -- manifest-lint

test-cluster: $(INSTALLED) ## The tests on a Kubernetes cluster, deploying each overlay: KUBECONFIG, commands (make doctor), docker
	@$(NPM_RUN) check -- deployed cluster

images: ## Build the three images: VERSION is the tag, DOCKER the client, DOCKER_BUILD_FLAGS what it gets (--network=host)
	@sh scripts/build-images.sh

load-images: ## Put them into the current cluster: kind, minikube, or any by IMAGE_LOADER=<command, gets an archive>
	@sh scripts/load-images.sh

test-images: $(INSTALLED) ## The tests on the images, built and run; DOCKER and DOCKER_BUILD_FLAGS as above
	@$(NPM_RUN) check -- images

rollout-test: $(INSTALLED) ## Restart, scale, delete, kill and unplug under load: 0 failed requests (docs/rollout.md); as test-cluster
	@$(NPM_RUN) check -- rollout

cluster-up: ## Create a kind cluster of three nodes, called CLUSTER; minikube: k8s/README.md
	@kind create cluster --name $(CLUSTER) --config hack/kind.yaml --wait 120s

cluster-down: ## Delete it
	@kind delete cluster --name $(CLUSTER)

deploy: ## Build, load and run in the cluster: OVERLAY=kubernetes, dns, consul or database-url; VERSION; SKIP_IMAGES=1
	@test -n "$(SKIP_IMAGES)" || { $(MAKE) images && $(MAKE) load-images; }
	@OVERLAY=$(OVERLAY) bash scripts/deploy.sh

undeploy: ## Delete the namespace movies, with all that is in it
	@kubectl delete namespace movies --ignore-not-found --timeout=180s

dev: ## Build, deploy, and sync every edit into the pods, until Ctrl-C: OVERLAY as in deploy; skaffold
	@OVERLAY=$(OVERLAY) bash scripts/dev.sh

status: ## Show what runs in the cluster, and where
	@$(KUBECTL) get deployments,statefulsets,pods,persistentvolumeclaims,services,endpointslices --output wide

logs: ## Follow the logs of all pods in the cluster
	@$(KUBECTL) logs --follow --prefix --max-log-requests 50 --tail 20 --selector app.kubernetes.io/part-of=movies

port-forward: ## metadata, rating and movie at localhost 8081 to 8083, until Ctrl-C
	@bash scripts/port-forward.sh

smoke: ## Ask the deployed services from within the cluster, REQUESTS times, and show who served
	@REQUESTS=$(REQUESTS) bash scripts/smoke.sh

scale: ## Change how many there are: make scale SERVICE=rating N=3
	@test -n "$(SERVICE)" && test -n "$(N)" || { echo 'which, and how many? make scale SERVICE=rating N=3' >&2; exit 2; }
	@$(KUBECTL) scale deployment/$(SERVICE) --replicas=$(N)
	@$(KUBECTL) rollout status --timeout=180s deployment/$(SERVICE)

soak: $(INSTALLED) ## Follow a Service for SOAK_HOURS (default 2) on a Kubernetes cluster, and watch token and heap
	@$(NPM_RUN) soak

audit: $(INSTALLED) ## Look for known holes in what the services depend on
	@$(NPM_RUN) check -- audit

format: $(INSTALLED) ## Format every file
	@$(NPM_RUN) format

bench: $(INSTALLED) ## Measure, against peers in the same run; BENCH=pick for a part (bench/README.md)
	@$(NPM_RUN) bench -- $(BENCH)

fault-matrix: $(INSTALLED) ## Measure how the Kubernetes adapter recovers from each fault (docs/fault-matrix.md)
	@node_modules/.bin/node -r ts-node/register hack/fault-matrix.ts

pack: $(INSTALLED) ## Pack the library as npm tarballs, into dist
	@rm -rf dist
	@$(NPM_RUN) pack

doctor: ## Print which tools are here, and how to get those that are missing
	@sh scripts/doctor.sh

$(INSTALLED): package.json package-lock.json $(wildcard packages/*/package.json services/*/package.json)
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@
