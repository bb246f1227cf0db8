# The commands for a checkout, for people and for CI. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help run build test test-upgrade lint tools npm-package packages scf-package deb sbom test-packages test-image test-reproducible test-galera bench bench-growth bench-micro bench-build

# The sources of the playground page, with those of the package that it is built on.
PAGE_SOURCES := schema.graphql $(shell find playground clients/typescript/src clients/typescript/package.json -type f \
	-not -path '*/node_modules/*' -not -path '*/dist/*' -not -path 'playground/tests/*')

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 28

run: tools ## start the server with its page; pass flags as ARGS="--listen-addr 127.0.0.1:9000"
	@scripts/build-page --if-possible
	cargo run --locked -- $(ARGS)

build: tools ## build the release program with its page: target/release/sms-login
	@scripts/build-page
	cargo build --release --locked
	@echo "built target/release/sms-login, with the page inside"

test: tools ## run all tests; installs MariaDB, Redis and Chromium if they are missing
	@scripts/setup-tests
	@scripts/build-page
	cargo test --locked
	cd playground && npm test --silent
	@$(MAKE) --silent clients/typescript/node_modules/.package-lock.json
	cd clients/typescript && npm test --silent
	node --test --test-concurrency=1 tests/examples/*.test.mjs

test-upgrade: tools ## run the previous release beside this version on one database
	@scripts/build-previous
	PREVIOUS_PROGRAM="$(CURDIR)/target/previous/sms-login" cargo test --locked --test it -- --ignored upgrade::

test-galera: tools ## run the tests on a Galera cluster of three nodes; needs galera-4, rsync and lsof
	@scripts/setup-tests
	cargo test --locked --test it -- --ignored galera

lint: tools ## check the format, the lints, the documentation, the dependencies and the packaging; installs what is missing
	@cargo fmt --version >/dev/null 2>&1 || { echo "rustfmt is missing: rustup component add rustfmt" >&2; exit 1; }
	@cargo clippy --version >/dev/null 2>&1 || { echo "clippy is missing: rustup component add clippy" >&2; exit 1; }
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo fmt --check --manifest-path bench/Cargo.toml
	cargo clippy --locked --manifest-path bench/Cargo.toml --workspace --all-targets --target-dir target -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items
	@scripts/check-dependencies
	@scripts/check-packaging

npm-package: clients/typescript/node_modules/.package-lock.json ## pack the TypeScript package for npm install: target/npm/sms-login.tgz
	@mkdir -p target/npm
	@cd clients/typescript && npm pack --silent --pack-destination ../../target/npm >/dev/null
	@mv target/npm/sms-login-*.tgz target/npm/sms-login.tgz
	@echo "packed target/npm/sms-login.tgz"

packages: tools ## build all packages into target/packages: program, function of Tencent Cloud, Debian
	@scripts/make-packages

scf-package: tools ## build the package for a function of Tencent Cloud
	@scripts/make-packages scf

deb: tools ## build the Debian package
	@scripts/make-packages deb

sbom: tools ## list the components of the program and of the page, as CycloneDX, into target/packages
	@scripts/make-sbom

test-packages: packages ## build all packages, unpack and start them
	@scripts/test-packages

test-image: tools ## run the steps of the Dockerfile without Docker, and start the result
	@scripts/check-image-steps

test-reproducible: tools ## build the release program in two folders and compare the bytes
	@scripts/check-reproducible

bench: bench-build ## compare the release program with the least that a server can do; ARGS="--quick" for a first look
	target/release/load compare --json bench/results/compare.json $(ARGS)
	@python3 bench/plot.py

bench-growth: bench-build ## measure how cost grows with users and connections
	target/release/load growth --json bench/results/growth.json $(ARGS)
	@python3 bench/plot.py

bench-micro: tools ## time the functions that run for every request, and count their instructions by valgrind
	cargo bench --locked --manifest-path bench/Cargo.toml -p sms-login-micro --target-dir target
	cargo run --release --locked --manifest-path bench/Cargo.toml -p sms-login-micro --target-dir target

bench-build: tools
	@scripts/build-page --if-possible
	cargo build --release --locked
	cargo build --release --locked --manifest-path bench/Cargo.toml -p sms-login-bench --target-dir target

tools:
	@command -v cargo >/dev/null || { echo "Rust is not installed: see https://rustup.rs" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "a C compiler is missing: apt-get install build-essential" >&2; exit 1; }

playground/dist/index.html: playground/node_modules/.package-lock.json $(PAGE_SOURCES)
	@echo "building the playground page"
	@cd playground && npm run --silent build -- --logLevel warn

playground/node_modules/.package-lock.json: playground/package-lock.json
	@echo "installing the libraries of the playground page"
	@cd playground && npm ci --silent --no-progress && touch node_modules/.package-lock.json

clients/typescript/node_modules/.package-lock.json: clients/typescript/package-lock.json
	@echo "installing the libraries of the TypeScript package's tests"
	@cd clients/typescript && npm ci --silent --no-progress --ignore-scripts && touch node_modules/.package-lock.json
