// Package interop contains only tests. They run APIs that use the kit, and send them tokens of authorization servers of other
// projects. The npm package oidc-provider runs in its own process and needs node. zitadel/oidc runs in the test process.
//
//	cd oidcprovider && npm ci   # once
//	go test -v .                # prints what every token got from every framework
//
// TestClient runs every flow of package client that these servers support. docs/interop.md lists the flows.
// `make interop-report` writes that page, and the test fails if the page and the flows differ.
//
// If its server is not installed, a test is skipped, or fails if BEARERKIT_REQUIRE_SERVICES is 1. All servers listen on
// 127.0.0.1 and end with the test that started them.
package interop
