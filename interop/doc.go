// Package interop holds no code: its tests guard APIs with the kit and send them tokens of authorization servers that
// are none of ours. npm's oidc-provider runs as a process of its own and needs node; zitadel/oidc runs in the test.
//
//	cd oidcprovider && npm ci   # once
//	go test -v .                # prints what every token got from every framework
//
// TestClient runs every flow of package client that these servers offer. What it ran stands in docs/interop.md, which
// `make interop-report` writes, and a run that differs fails.
//
// A test whose server is not installed is skipped, or fails if BEARERKIT_REQUIRE_SERVICES is 1. Every server listens on
// 127.0.0.1 and ends with the test that started it.
package interop
