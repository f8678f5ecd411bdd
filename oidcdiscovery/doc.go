// Package oidcdiscovery finds and validates the metadata of an issuer: the URLs of its keys and endpoints, and the features
// that it supports.
//
// [Client.Discover] requests the document from the well-known locations of RFC 8414 and of OpenID Connect Discovery 1.0. It
// accepts a document only if its `issuer` equals the requested identifier byte for byte (RFC 8414 §3.3). An additional
// slash, a different case, or another spelling of the host makes a different issuer. This comparison cannot be disabled.
//
//	https://a.example          https://a.example/.well-known/oauth-authorization-server
//	and https://a.example/     https://a.example/.well-known/openid-configuration
//
//	https://a.example/tenant   https://a.example/.well-known/oauth-authorization-server/tenant
//	                           https://a.example/tenant/.well-known/openid-configuration
//	                           https://a.example/.well-known/openid-configuration/tenant
//	                           https://a.example/tenant/.well-known/oauth-authorization-server
//
// Discover tries the locations in this order until one has the issuer's document. It tries the next one after every other
// result: an error of the network, a timeout, any other status, a redirect, invalid or oversized JSON, and the metadata of
// another issuer. Gateways respond to unknown paths in all these ways. The exception is the status 429, after which it
// sends no more requests. The error contains the result of each request. With [Client.MetadataURL], Discover sends one
// request, to that URL.
//
// Every request is limited in time and size, follows no redirect, and uses https. Plain http is allowed for loopback hosts,
// and for other hosts with [Client.InsecureAllowHTTP]. This package does not cache anything.
//
// A fault in a member costs only that member: it is treated as absent. [Metadata.Quirks] reports it, and [Metadata.Check]
// returns it as an error to a program that needs the member. A fault of `issuer` or `jwks_uri`, and an endpoint that occurs
// twice, make the document invalid. The Content-Type is not checked, and a byte order mark is ignored.
package oidcdiscovery
