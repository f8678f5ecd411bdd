# Checkers run by `go run module@version`, so none of them stands in a go.mod.
GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
APIDIFF     := golang.org/x/exp/cmd/apidiff@v0.0.0-20261014143641-f0251eb4aa3e

MODULE   := github.com/bearerkit/bearerkit
MODULES  := $(shell awk '$$1 ~ /^\./ { print $$1 }' go.work) ./benchmarks
RELEASED := $(filter-out ./benchmarks ./examples ./interop,$(MODULES))

# ARGS reaches every `go test` below, T every fuzz target: a time (60s) or a number of inputs (5000x).
ARGS ?=
T    ?= 60s

SHELL         := bash
.SHELLFLAGS   := -euo pipefail -c
.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# Reading the code

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
lint: ## golangci-lint, once a module
	@bad=0; for m in $(MODULES); do echo "-- lint $$m"; \
		(cd $$m && GOWORK=off go run $(GOLANGCI) run --allow-parallel-runners --config $(CURDIR)/.golangci.yml ./...) || bad=1; done; exit $$bad

.PHONY: arrows
arrows: ## Plant forbidden imports in a copy of the layout and check that the linter reports each
	@GOLANGCI=$(GOLANGCI) .ci/arrows

.PHONY: diagram
diagram: ## Draw the import arrows of .ci/layers in ARCHITECTURE.md
	go test -count=1 ./internal/testkit/contract -run '^TestDiagram' -update

.PHONY: deps
deps: ## The Guard links no framework, and one package alone imports jwx
	@go list -deps -f '{{$$p := .ImportPath}}{{range .Imports}}{{$$p}} {{.}}{{"\n"}}{{end}}' ./middleware | awk ' \
		$$2 ~ /^github\.com\/(go-chi|gin-gonic|labstack|prometheus)\// { print "middleware links " $$2 ", by " $$1; bad = 1 } \
		$$2 ~ /lestrrat-go\/jwx/ && $$1 !~ /lestrrat-go\/jwx/ { \
			users++; if ($$1 != "$(MODULE)/jwks/internal/jwk") { print $$1 " imports " $$2; bad = 1 } } \
		END { if (!users) { print "nothing imports jwx: this check has lost its object"; bad = 1 }; \
		if (bad) exit 1; print "deps: no framework in middleware, and jwx in jwks/internal/jwk only" }'

# Running it

.PHONY: test
test: ## Every test of every module
	go test $(ARGS) work

.PHONY: race
race: ## Every test under the race detector, in random order
	go test -race -shuffle=on $(ARGS) work

.PHONY: test-off
test-off: ## Every module alone, with the versions its users get
	@for m in $(MODULES); do echo "-- $$m with GOWORK=off"; \
		(cd $$m && GOWORK=off go vet ./... && GOWORK=off go test $(ARGS) ./...); done

.PHONY: resilience
resilience: ## Measure the service levels and write them into docs/resilience.md
	go test -count=1 ./internal/testkit/chaos -run Chaos -update

HOURS ?= 240
SEED  ?= 0

.PHONY: soak
soak: ## Rotations, outages and floods by chance: make soak HOURS=240 SEED=7, in virtual time; an hour takes 0.1 s
	go test -count=1 -timeout 0 ./internal/testkit/chaos -run 'Soak$$' -v -soak.hours=$(HOURS) -soak.seed=$(SEED)

.PHONY: fuzz
fuzz: ## Every fuzz target of every package, T each: make fuzz T=60s
	@go test -list '^Fuzz' work | awk ' \
		/^Fuzz/ { target[n++] = $$1 } \
		/^(ok|\?)/ { for (i = 0; i < n; i++) { print $$2, target[i]; found++ }; n = 0 } \
		END { if (!found) { print "no fuzz target found" > "/dev/stderr"; exit 1 } }' | \
	while read -r pkg target; do echo "-- $$pkg $$target"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(T) "$$pkg" </dev/null; done

# One pass of all benchmarks after the other, so that a machine that is slow for a while is slow for all of them.
COUNT     ?= 6
BENCHTIME ?= 200ms
BENCH     := GOWORK=off go test -run '^$$' -benchtime $(BENCHTIME) -timeout 1h

.PHONY: bench
bench: ## The kit beside other libraries, COUNT passes, into benchmarks/results; takes minutes a pass
	@cd benchmarks && out=$$(mktemp) && trap 'rm -f "$$out"' EXIT; \
	for pass in $$(seq $(COUNT)); do echo "-- pass $$pass of $(COUNT)"; $(BENCH) -bench . $(ARGS) . | tee -a "$$out"; done; \
	GOWORK=off go run ./report -out results <"$$out"; echo "see benchmarks/results/table.md"

.PHONY: bench-load
bench-load: ## A real HTTP server under load, bare and guarded, into benchmarks/results/load.txt
	@cd benchmarks && mkdir -p results && GOWORK=off go run ./load -out results/load.txt $(ARGS)

.PHONY: bench-packages
bench-packages: ## Benchmarks of the root module's packages
	go test -run '^$$' -bench . -benchmem $(ARGS) ./...

# Both sides run in many short turns, each with its own benchmarks; the first to run changes from round to round. What is
# compared is allocations and ratios to the bare signature check, never time.
REF       ?=
ROUNDS    ?= 10
TOLERANCE ?= 0.10
REDUCED   := Verify/alg=(RS256|ES256|HS256)/lib=(bare|bearerkit)/path=(cold|hot|forged|malformed|issuer)|Handler/alg=(RS256|ES256|HS256)/lib=(bare|bearerkit)/path=hot

.PHONY: bench-diff
bench-diff: ## Allocations and ratios, here against a commit: make bench-diff REF=HEAD~1
	@git rev-parse --quiet --verify '$(REF)^{commit}' >/dev/null || \
		{ echo "bench-diff: '$(REF)' is no commit; say what to compare with: make bench-diff REF=HEAD~1"; exit 2; }; \
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

# Node packages are installed from the lock file when that is newer than what is installed.
LOCK := $(wildcard interop/oidcprovider/package-lock.json)

.PHONY: services
services: $(LOCK:package-lock.json=node_modules/.package-lock.json) ## Install what interop talks to; needs npm

.PHONY: interop
interop: services ## Against real authorization servers, none of them skipped; needs node
	cd interop && BEARERKIT_REQUIRE_SERVICES=1 go test -race -count=1 $(ARGS) ./...

.PHONY: interop-report
interop-report: services ## Run every flow of the client against real servers and write docs/interop.md
	cd interop && BEARERKIT_REQUIRE_SERVICES=1 go test -count=1 . -run '^TestClient$$' -update

.PHONY: dashboard
dashboard: ## The picture of docs/observability/dashboard.json, from a run of a minute and a half
	cd interop && GOWORK=off go run ./observability/draw $(ARGS)

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund --loglevel=error && mkdir -p node_modules && touch node_modules/.package-lock.json

# Looking after it

.PHONY: api
api: ## What changed in the exported API since the last tag
	@tag=$$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null) || \
		{ echo "api: no tag yet, so nothing to compare with"; exit 0; }; \
	old=$$(mktemp -d); trap 'rm -rf "$$old"' EXIT; git archive "$$tag" | tar -x -C "$$old"; \
	for m in $(RELEASED); do \
		test -f "$$old/$$m/go.mod" || { echo "-- $$m is newer than $$tag"; continue; }; \
		echo "-- $$m since $$tag"; path=$$(cd $$m && GOWORK=off go list -m); \
		(cd "$$old/$$m" && GOWORK=off go run $(APIDIFF) -m -w "$$old/old.api" "$$path"); \
		(cd $$m && GOWORK=off go run $(APIDIFF) -m "$$old/old.api" "$$path"); done

.PHONY: vuln
vuln: ## govulncheck, once a module; fetches the Go vulnerability database
	@for m in $(MODULES); do echo "-- vuln $$m"; (cd $$m && GOWORK=off go run $(GOVULNCHECK) ./...); done

.PHONY: tidy
tidy: ## go mod tidy in every module
	@for m in $(MODULES); do echo "-- tidy $$m"; (cd $$m && GOWORK=off go mod tidy); done
