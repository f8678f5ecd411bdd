// Package dpop reads and checks DPoP proofs (RFC 9449). A proof is a JWT that the sender of an access token signs with a
// key of its own, for one method, URL and token.
//
// [Checker.Read] checks the form of a proof, and verifies nothing. [Checker.Check] compares the proof with the request
// and the verified token, and verifies the signature last. The caller must then record the [Use] that Check returns, and
// reject the request if it was recorded before: a proof may be used once.
//
// The package parses keys itself and uses the standard library for cryptography. It reads no clock, starts no goroutine
// and does not use package net/http.
package dpop
