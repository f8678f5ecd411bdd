// Package oidcdiscovery finds and validates the metadata of an issuer: the URLs of its keys and endpoints, and the features
// that it supports.
//
// [Client.Discover] requests the document from two well-known locations: first the one of RFC 8414, then the one of
// OpenID Connect Discovery 1.0. It accepts a document only if its `issuer` equals the requested identifier byte for
// byte (RFC 8414 §3.3). An additional slash, a different case, or another spelling of the host makes a different
// issuer. This comparison cannot be disabled.
//
//	https://a.example          https://a.example/.well-known/oauth-authorization-server
//	and https://a.example/     https://a.example/.well-known/openid-configuration
//
//	https://a.example/tenant   https://a.example/.well-known/oauth-authorization-server/tenant
//	                           https://a.example/tenant/.well-known/openid-configuration
//
// Discover tries the second location if the response of the first one is not the issuer's document. This includes any
// other status, a redirect, another media type, invalid or oversized JSON, and the metadata of another issuer. It
// includes 5xx, because gateways respond to unknown paths in all these ways. The same rules apply to the second
// document.
//
// Discover does not try the second location if it received no response from the first one, because the same host would
// delay the caller twice. It does not try it either if the server requested a pause with Retry-After. Discover sends at
// most two requests. Its error contains the result of each.
//
// Every request is limited in time and size, follows no redirect, and uses https. Plain http is allowed for loopback hosts,
// and for other hosts with [Client.InsecureAllowHTTP]. This package does not cache anything.
package oidcdiscovery
