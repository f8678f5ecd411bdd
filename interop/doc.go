// Package interop contains only tests. They run APIs that use the kit, and send them tokens that authorization servers of
// other projects have issued. These servers are the npm package oidc-provider, which runs in its own process and needs
// node, the Go module zitadel/oidc, which runs in the test process, and Dex, which the tests build from the module
// interop/dex and run in its own process.
//
//	make services               # once, in the top folder: downloads oidc-provider and the modules of Dex, and installs nginx
//	go test -v .                # prints the response of every framework to every token
//
// TestClient runs every flow of package client that these servers support. It also sends sender-constrained tokens of
// oidc-provider to an API with the Guard. The npm packages dpop and oauth4webapi make the proofs and the requests; they run in
// a process of their own, and in a browser. docs/interop.md lists the flows. `make interop-report` writes that page, and the
// test fails if the page and the flows differ.
//
// TestMCPConformance runs the conformance tests of the Model Context Protocol, an npm package, with a client that uses package
// client. docs/mcp-conformance.md lists the scenarios.
// TestMCPStepUp lets the clients of the npm package @modelcontextprotocol/sdk and of the Go SDK step up at the server of
// examples/mcp.
//
// TestNginx sends certificate-bound tokens through nginx, which ends mutual TLS and forwards the certificate. It needs the Debian
// packages nginx and libnginx-mod-http-js.
//
// TestSecurityEventsOfNode receives Security Event Tokens that the npm package jose signs, by push and by poll.
//
// TestCommand gets tokens with the command bearerkit, and measures a guarded API with them.
//
// A test whose server is not installed is skipped. If BEARERKIT_REQUIRE_SERVICES is 1, it fails. All servers listen on
// 127.0.0.1 and end with the test that started them.
package interop
