# What one types by hand, under short names. `make run` and `make test` need nothing but Go and make on Debian: they get
# the rest themselves. Logic lives in the programs under pkg/tests/tools.

GO      ?= go
LDFLAGS ?= -s -w
ADDR    ?= 127.0.0.1:9000
FUZZTIME ?= 1m

# The whole-system tests start real programs; everything else is one process and runs under the race detector.
WHOLE = ./pkg/tests/...
REST  = $$($(GO) list ./... | grep -v /pkg/tests/)

TOOLS = bin/tools

.PHONY: run build test unit race lint vulncheck fuzz bench engines interop e2e cover fmt generate check debs tools

run: build
	$(GO) build -o bin/ ./pkg/tests/tools/demo
	bin/demo -addr $(ADDR)

build: debs
	$(GO) build -ldflags "$(LDFLAGS)" -o bin/juicefs ./cmd/juicefs

# Everything: what the README promises and CI runs.
test: race interop-and-e2e

unit: debs
	$(GO) test -short $(REST)

# Without vet, here and below: that is the linter's, which sees more.
race: debs
	$(GO) test -race -vet=off -tags invariants -timeout 20m $(REST)

# Two packages at a time, and of each a few tests, since a test and its servers take turns at waiting for each other, and some wait
# two minutes for a connection to end. All run one binary.
.PHONY: interop-and-e2e
interop-and-e2e: tools build
	JUICEFS_BIN=bin/juicefs $(GO) test -vet=off -count 1 -p 2 -parallel 4 -timeout 20m $(WHOLE)

interop: tools
	$(GO) test -count 1 -parallel 4 -v -timeout 20m ./pkg/tests/interop/...

e2e: tools
	$(GO) test -count 1 -v -timeout 20m $$($(GO) list ./pkg/tests/... | grep -E '/tests/(s3|e2e)')

# The suites of the metadata engines, against every server whose address is in the environment.
engines: debs
	$(GO) test -count 1 -race ./meta/...

# One engine, fewer rounds, chosen rows: make bench BENCH='-engine redis -rounds 1 -only put-4k'.
bench: build $(TOOLS)/juicefs
	@$(GO) run ./pkg/tests/tools/debs redis-server=redis-server
	$(GO) build -o bin/ ./pkg/tests/bench/floor
	$(GO) run ./pkg/tests/bench $(BENCH)

# Counts what requests ask of Redis, of this program and of JuiceFS 1.4.1.
.PHONY: turnarounds
turnarounds: debs $(TOOLS)/juicefs
	$(GO) test -count 1 -v -timeout 20m ./pkg/tests/budget -original

fuzz: debs
	$(GO) run ./pkg/tests/tools/fuzz -time $(FUZZTIME) ./...

cover: debs
	mkdir -p bin
	$(GO) test -coverprofile bin/cover.out $(REST)
	$(GO) tool cover -func bin/cover.out

lint: debs $(TOOLS)/golangci-lint
	$(TOOLS)/golangci-lint run

# Known vulnerabilities in what the binary is made of, by the newest database; fails where docs/security.md does not say what
# one of them means here.
vulncheck: debs $(TOOLS)/govulncheck
	$(GO) run ./pkg/tests/tools/vulncheck -scanner $(TOOLS)/govulncheck -known docs/security.md ./cmd/juicefs

fmt: $(TOOLS)/golangci-lint
	$(TOOLS)/golangci-lint fmt

generate:
	$(GO) generate ./...

check: fmt lint unit

# Debian packages without which nothing builds: gcc compiles SQLite.
debs:
	@$(GO) run ./pkg/tests/tools/debs gcc=gcc,libc6-dev

# Foreign programs, each a Go module of its own that pins it. Made again when what pins them changes.
tools: debs $(TOOLS)/juicefs $(TOOLS)/mc $(TOOLS)/mc2021 clients

# Programs that use the gateway as its users' programs do.
.PHONY: clients
clients: $(TOOLS)/awsgo $(TOOLS)/miniogo $(TOOLS)/miniogo2021 $(TOOLS)/node
	@$(GO) run ./pkg/tests/tools/debs aws=awscli rclone=rclone s3cmd=s3cmd restic=restic

# JuiceFS without the storage and database clients that no test speaks to.
$(TOOLS)/juicefs: TAGS = nohdfs,noceph,nogluster,noqingstor,nocos,nobos,noibmcos,noobs,nooss,notos,noqiniu,nobunny,nostorj,noks3,notikv

$(TOOLS)/juicefs: TOOL = github.com/juicedata/juicefs
$(TOOLS)/mc $(TOOLS)/mc2021: TOOL = github.com/minio/mc
$(TOOLS)/golangci-lint: TOOL = github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(TOOLS)/govulncheck: TOOL = golang.org/x/vuln/cmd/govulncheck

$(TOOLS)/%: pkg/tests/tools/%/go.mod pkg/tests/tools/%/go.sum
	nice $(GO) -C pkg/tests/tools/$* build -trimpath -ldflags "-s -w" -tags "$(TAGS)" -o $(CURDIR)/$@ $(TOOL)

# Clients of ours on the libraries that programs use today.
CLIENTS = pkg/tests/clients

$(TOOLS)/awsgo $(TOOLS)/miniogo: $(TOOLS)/%: $(CLIENTS)/%/main.go $(CLIENTS)/%/go.mod $(CLIENTS)/%/go.sum
	nice $(GO) -C $(CLIENTS)/$* build -trimpath -ldflags "-s -w" -o $(CURDIR)/$@ .

$(TOOLS)/miniogo2021: $(CLIENTS)/miniogo/main.go $(CLIENTS)/miniogo/go2021.mod $(CLIENTS)/miniogo/go2021.sum
	nice $(GO) -C $(CLIENTS)/miniogo build -modfile go2021.mod -trimpath -ldflags "-s -w" -o $(CURDIR)/$@ .

# A folder, with a Node.js that is new enough for today's libraries.
$(TOOLS)/node: $(wildcard $(CLIENTS)/node/*)
	@$(GO) run ./pkg/tests/tools/debs npm=npm
	mkdir -p $@
	cp $(CLIENTS)/node/* $@
	cd $@ && nice npm ci --no-audit --no-fund --ignore-scripts
	touch $@
