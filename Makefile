# Checkers run with `go run module@version`, so no go.mod lists them.
GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
APIDIFF     := golang.org/x/exp/cmd/apidiff@v0.0.0-20261014143641-f0251eb4aa3e
CYCLONEDX   := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
ACTIONLINT  := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

MODULE   := github.com/bearerkit/bearerkit
MODULES  := $(shell awk '$$1 ~ /^\./ { print $$1 }' go.work) ./benchmarks ./interop/dex
RELEASED := $(filter-out ./benchmarks ./examples% ./interop%,$(MODULES))

# ARGS is passed to every `go test` below. T is passed to every fuzz target: a time (60s) or a number of inputs (5000x).
ARGS ?=
T    ?= 60s

SHELL         := bash
.SHELLFLAGS   := -euo pipefail -c
.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# Checking the code

.PHONY: check
check: format vet ## Format, vet, short tests: what the git hook runs
	go test -short $(ARGS) work

.PHONY: format
format: ## Fail on a file that gofmt would change
	@files=$$(gofmt -l .); test -z "$$files" || { echo "not formatted (run 'make fmt'):"; echo "$$files"; exit 1; }

.PHONY: fmt
fmt: ## Rewrite the sources as the linter wants them formatted
	@for m in $(MODULES); do (cd $$m && GOWORK=off go run $(GOLANGCI) fmt --config $(CURDIR)/.golangci.yml ./...); done

.PHONY: vet
vet: ## go vet over every module
	go vet work

.PHONY: lint
lint: ## golangci-lint, once for each module
	@bad=0; for m in $(MODULES); do echo "-- lint $$m"; \
		(cd $$m && GOWORK=off go run $(GOLANGCI) run --allow-parallel-runners --config $(CURDIR)/.golangci.yml ./...) || bad=1; done; exit $$bad

.PHONY: arrows
arrows: ## Plant forbidden imports in a copy of the layout and check that the linter reports each
	@GOLANGCI=$(GOLANGCI) .ci/arrows

.PHONY: diagram
diagram: ## Draw the import arrows of .ci/layers in ARCHITECTURE.md
	go test -count=1 ./internal/testkit/contract -run '^TestDiagram' -update

.PHONY: traceability
traceability: ## Write docs/traceability.md: each rule, the code that decides it, and the tests that name it
	go test -count=1 ./internal/testkit/contract -run '^TestTraceability$$' -update

.PHONY: deps
deps: ## Check that the Guard links neither a framework nor client, and that only jwks/internal/jwk imports jwx
	@go list -deps -f '{{$$p := .ImportPath}}{{range .Imports}}{{$$p}} {{.}}{{"\n"}}{{end}}' ./middleware | awk ' \
		$$2 ~ /^github\.com\/(go-chi|gin-gonic|gofiber|labstack|prometheus|valyala)\// { print "middleware links " $$2 " through " $$1; bad = 1 } \
		$$2 == "$(MODULE)/client" { print "middleware links " $$2 " through " $$1; bad = 1 } \
		$$2 ~ /lestrrat-go\/jwx/ && $$1 !~ /lestrrat-go\/jwx/ { \
			users++; if ($$1 != "$(MODULE)/jwks/internal/jwk") { print $$1 " imports " $$2; bad = 1 } } \
		END { if (!users) { print "no package imports jwx: this check is out of date"; bad = 1 }; \
		if (bad) exit 1; print "deps: middleware links neither a framework nor client, and only jwks/internal/jwk imports jwx" }'

.PHONY: workflows
workflows: ## Check the GitHub workflows with actionlint; they were not run on GitHub
	@go run $(ACTIONLINT) -color=false -shellcheck= -pyflakes= && echo "workflows: actionlint found nothing"

# Running the tests

.PHONY: test
test: ## Every test of every module
	go test $(ARGS) work

.PHONY: race
race: ## Every test under the race detector, in random order, except those that read the sources or that make interop runs
	go test -race -shuffle=on -vet=off $(ARGS) $$(go list work | grep -vE '/testkit/contract$$|/store/sqlstore(/|$$)|/interop(/|$$)')

# The targets below repeat the tests with other settings. They omit go vet, and the tests that take long and do not depend on
# the settings: those that measure the heap, send thousands of requests, or read the sources.
AGAIN := -short -vet=off

.PHONY: test-off
test-off: ## Every module alone, with the dependency versions that its users get
	@for m in $(MODULES); do echo "-- $$m with GOWORK=off"; \
		(cd $$m && GOWORK=off go test $(AGAIN) $(ARGS) ./...); done

# The Go releases that the kit supports: the one that runs make, and the next one.
NEXT_GO ?= go1.27.3

.PHONY: test-next
test-next: ## Every test of the root module with the next Go release, and ML-DSA, which it provides
	GOTOOLCHAIN=$(NEXT_GO) go test $(AGAIN) $(ARGS) ./...
	GOTOOLCHAIN=$(NEXT_GO) go vet -tags mldsa ./...
	GOTOOLCHAIN=$(NEXT_GO) go test -tags mldsa $(AGAIN) $(ARGS) ./internal/signature ./internal/dpop ./jwks/... ./consumer/...

.PHONY: test-next-all
test-next-all: ## Every test of every released module and of the examples with the next Go release; run it before a release
	GOTOOLCHAIN=$(NEXT_GO) go test $(ARGS) $(addsuffix /...,$(RELEASED) ./examples)

INPUTS ?= 100000

.PHONY: json-versions
json-versions: ## Compare how two Go releases read and write JSON: make json-versions INPUTS=1000000
	.ci/json-versions $(shell go env GOVERSION) $(NEXT_GO) $(INPUTS)

.PHONY: test-386
test-386: ## Every test of the root module on a 32-bit architecture
	GOARCH=386 CGO_ENABLED=0 go test -timeout 30m $(AGAIN) $(ARGS) ./... # cryptography is slow there

.PHONY: test-fips
test-fips: ## The root module's tests with FIPS 140-3 mode on, and with everything else forbidden
	GODEBUG=fips140=on go test $(AGAIN) $(ARGS) ./...
	GODEBUG=fips140=only go test $(AGAIN) $(ARGS) ./...

PLATFORMS := windows/amd64 darwin/arm64 linux/arm js/wasm

.PHONY: cross
cross: ## Build the root module for other systems, and the modules that start browsers and read signals for Windows
	@for p in $(PLATFORMS); do echo "-- build . for $$p"; GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 go build ./...; done
	@for m in ./client/loopback ./cmd/bearerkit; do echo "-- build $$m for windows/amd64"; \
		(cd $$m && GOOS=windows GOARCH=amd64 CGO_ENABLED=0 GOWORK=off go build ./...); done

.PHONY: resilience
resilience: ## Measure the service levels and write them into docs/resilience.md
	go test -count=1 ./internal/testkit/chaos -run Chaos -update

HOURS ?= 240
SEED  ?= 0

.PHONY: soak
soak: ## Random rotations, outages and floods in virtual time: make soak HOURS=240 SEED=7; an hour takes 0.1 s
	go test -count=1 -timeout 0 ./internal/testkit/chaos -run 'Soak$$' -v -soak.hours=$(HOURS) -soak.seed=$(SEED)

.PHONY: fuzz
fuzz: ## Every fuzz target of every package, T each: make fuzz T=60s
	@go test -list '^Fuzz' work | awk ' \
		/^Fuzz/ { target[n++] = $$1 } \
		/^(ok|\?)/ { for (i = 0; i < n; i++) { print $$2, target[i]; found++ }; n = 0 } \
		END { if (!found) { print "no fuzz target found" > "/dev/stderr"; exit 1 } }' | \
	while read -r pkg target; do echo "-- $$pkg $$target"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(T) "$$pkg" </dev/null; done
	@echo "-- benchmarks FuzzDifferential"; cd benchmarks; \
	GOWORK=off go test -run '^$$' -fuzz '^FuzzDifferential$$' -fuzztime $(T) -fuzzminimizetime 1x .

# Each pass runs all benchmarks, so that a machine that is slow for a while is slow for all of them.
COUNT     ?= 6
BENCHTIME ?= 200ms
BENCH     := GOWORK=off go test -run '^$$' -benchtime $(BENCHTIME) -timeout 1h

.PHONY: bench
bench: ## The kit next to other libraries, COUNT passes, into benchmarks/results; a pass takes minutes
	@cd benchmarks && out=$$(mktemp) && trap 'rm -f "$$out"' EXIT; \
	for pass in $$(seq $(COUNT)); do echo "-- pass $$pass of $(COUNT)"; $(BENCH) -bench . $(ARGS) . | tee -a "$$out"; done; \
	GOWORK=off go run ./report -out results <"$$out"; echo "see benchmarks/results/table.md"

.PHONY: bench-load
bench-load: ## An HTTP server under load, bare and guarded, into benchmarks/results/load.txt
	@cd benchmarks && mkdir -p results && GOWORK=off go run ./load -out results/load.txt $(ARGS)

.PHONY: bench-packages
bench-packages: ## Benchmarks of the root module's packages
	go test -run '^$$' -bench . -benchmem $(ARGS) ./...

# Both sides run in many short turns, each with its own benchmarks, and take turns at running first. The report compares
# allocations and ratios to the bare signature check, never times.
REF       ?=
ROUNDS    ?= 10
TOLERANCE ?= 0.10
REDUCED   := Verify/alg=(RS256|ES256|HS256)/lib=(bare|bearerkit)/path=(cold|hot|forged|malformed|issuer)|Handler/alg=(RS256|ES256|HS256)/lib=(bare|bearerkit)/path=hot

.PHONY: bench-diff
bench-diff: ## Compare allocations and ratios with a commit: make bench-diff REF=HEAD~1
	@git rev-parse --quiet --verify '$(REF)^{commit}' >/dev/null || \
		{ echo "bench-diff: REF='$(REF)' is not a commit. Example: make bench-diff REF=HEAD~1"; exit 2; }; \
	tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; mkdir "$$tmp/ref"; \
	git archive '$(REF)' | tar -x -C "$$tmp/ref"; \
	test -f "$$tmp/ref/benchmarks/go.mod" || { echo "bench-diff: $(REF) has no benchmarks module: nothing to compare with"; exit 2; }; \
	(cd "$$tmp/ref/benchmarks" && GOWORK=off go test -c -o "$$tmp/ref.test" .); \
	(cd benchmarks && GOWORK=off go test -c -o "$$tmp/here.test" . && GOWORK=off go build -o "$$tmp/report" ./report); \
	side() { (cd "$$2" && "$$tmp/$$1.test" -test.run '^$$' -test.benchtime 15ms -test.count 4 \
		-test.bench '$(REDUCED)') >>"$$tmp/$$1.txt" || { echo "bench-diff: failed: $$1"; tail -n 5 "$$tmp/$$1.txt"; exit 1; }; }; \
	for round in $$(seq $(ROUNDS)); do echo "-- round $$round of $(ROUNDS)"; \
		if ((round % 2)); then side ref "$$tmp/ref/benchmarks"; side here benchmarks; \
		else side here benchmarks; side ref "$$tmp/ref/benchmarks"; fi; done; \
	"$$tmp/report" -diff -tolerance $(TOLERANCE) "$$tmp/ref.txt" "$$tmp/here.txt"

# Node packages are installed again when the lock file is newer than the installed ones.
LOCK := $(wildcard interop/*/package-lock.json)

.PHONY: services
services: $(LOCK:package-lock.json=node_modules/.package-lock.json) ## Install the servers and clients that interop needs: npm packages, nginx, Caddy, Redis, PostgreSQL, MariaDB and Dex; needs npm
	@missing=; has() { command -v "$$1" >/dev/null || test -x "/usr/sbin/$$1"; }; \
	test -e /usr/lib/nginx/modules/ngx_http_js_module.so || missing+=" nginx libnginx-mod-http-js"; \
	has caddy || missing+=" caddy"; \
	has redis-server || missing+=" redis-server"; \
	has postgres || compgen -G "/usr/lib/postgresql/*/bin/postgres" >/dev/null || missing+=" postgresql"; \
	has mariadbd || missing+=" mariadb-server-core mariadb-client-core"; \
	test -z "$$missing" || .ci/install $$missing
	cd interop/dex && GOWORK=off CGO_ENABLED=0 go build -o /dev/null . # downloads and compiles what the tests link

.PHONY: interop
interop: services ## Test against real authorization servers, Redis, PostgreSQL and MariaDB and skip none; needs node
	cd interop && BEARERKIT_REQUIRE_SERVICES=1 go test -race -count=1 $(ARGS) ./...
	cd examples && BEARERKIT_REQUIRE_SERVICES=1 go test -count=1 $(ARGS) ./cluster
	cd store/redisstore && BEARERKIT_REQUIRE_SERVICES=1 go test -race -count=1 $(ARGS) ./...
	cd store/sqlstore && BEARERKIT_REQUIRE_SERVICES=1 go test -race -shuffle=on -count=1 $(ARGS) ./...

.PHONY: interop-report
interop-report: services ## Run every flow and every scenario of the client against real servers and write docs/interop.md and docs/mcp-conformance.md
	cd interop && BEARERKIT_REQUIRE_SERVICES=1 go test -count=1 . -run '^(TestClient|TestMCPConformance)$$' -update

.PHONY: propagation
propagation: services ## Measure how soon a denied token is rejected everywhere, and what the stores can hold, for docs/scaling.md
	cd interop && BEARERKIT_REQUIRE_SERVICES=1 go test -count=1 -timeout 1h ./propagation -update $(ARGS)

.PHONY: dashboard
dashboard: ## Draw docs/observability/dashboard.svg from dashboard.json and a run of 90 seconds
	cd interop && GOWORK=off go run ./observability/draw $(ARGS)

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund --loglevel=error && mkdir -p node_modules && touch node_modules/.package-lock.json

.PHONY: pictures
pictures: ## Draw docs/tour.svg and docs/doctor.svg from what the commands print; a repeated run gives the same files
	cd interop && GOWORK=off go run ./picture

# Maintenance

.PHONY: api
api: ## Show what changed in the exported API since the last tag
	@tag=$$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null) || \
		{ echo "api: there is no tag yet to compare with"; exit 0; }; \
	old=$$(mktemp -d); trap 'rm -rf "$$old"' EXIT; git archive "$$tag" | tar -x -C "$$old"; \
	for m in $(RELEASED); do \
		test -f "$$old/$$m/go.mod" || { echo "-- $$m is newer than $$tag"; continue; }; \
		echo "-- $$m since $$tag"; path=$$(cd $$m && GOWORK=off go list -m); \
		(cd "$$old/$$m" && GOWORK=off go run $(APIDIFF) -m -w "$$old/old.api" "$$path"); \
		(cd $$m && GOWORK=off go run $(APIDIFF) -m "$$old/old.api" "$$path"); done

# DIST is the folder for the files of a release.
DIST ?= dist

.PHONY: sbom
sbom: ## Write a list of the dependencies (CycloneDX) of each released module into DIST; the same commit gives the same files
	@mkdir -p $(DIST); for m in $(RELEASED); do name=$$(echo bearerkit/$$m | sed 's#/\.##g; s#/#-#g'); \
		(cd $$m && GOWORK=off GOFLAGS="$${GOFLAGS:-} -trimpath" CGO_ENABLED=0 go run $(CYCLONEDX) mod -json -type library \
			-noserial -notimestamp -output $(abspath $(DIST))/$$name.cdx.json .); echo "$(DIST)/$$name.cdx.json"; done

BINARIES := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64

.PHONY: binaries
binaries: ## Build the command-line tool for several platforms into DIST; the same commit and Go release give the same files
	@mkdir -p $(DIST); for p in $(BINARIES); do os=$${p%/*} arch=$${p#*/}; out=bearerkit-$$os-$$arch; \
		test $$os != windows || out=$$out.exe; \
		(cd cmd/bearerkit && GOOS=$$os GOARCH=$$arch CGO_ENABLED=0 GOWORK=off go build -trimpath -o $(abspath $(DIST))/$$out .); \
		echo "$(DIST)/$$out"; done
	@cd $(DIST) && sha256sum bearerkit-*-* >SHA256SUMS && echo "$(DIST)/SHA256SUMS"

# CHECKS runs in a clone before anything is tagged. DRY_RUN=1 leaves the repository unchanged.
VERSION ?=
CHECKS  ?= .ci/run
DRY_RUN ?=

.PHONY: release
release: ## Tag all released modules after CHECKS: make release VERSION=v0.1.0; works in a scratch clone and pushes nothing
	@cd interop && GOWORK=off go run ./release -dir .. -version '$(VERSION)' -checks '$(CHECKS)' $(if $(DRY_RUN),-dry-run) $(RELEASED)

.PHONY: vuln
vuln: ## govulncheck, once for each module; fetches the Go vulnerability database
	@for m in $(MODULES); do echo "-- vuln $$m"; (cd $$m && GOWORK=off go run $(GOVULNCHECK) ./...); done

.PHONY: tidy
tidy: ## go mod tidy in every module
	@for m in $(MODULES); do echo "-- tidy $$m"; (cd $$m && GOWORK=off go mod tidy); done
