// Package oidcdiscovery finds and validates the metadata of an issuer: the URLs of its keys and endpoints, and the features
// that it supports.
//
// [Client.Discover] requests the document from the well-known locations of RFC 8414 and of OpenID Connect Discovery 1.0. It
// accepts a document only if its `issuer` equals the requested identifier byte for byte (RFC 8414 §3.3). An additional
// slash, a different case, or another spelling of the host makes a different issuer. This comparison cannot be disabled. A
// provider with many tenants may publish a template in place of its issuer. Set [Client.IssuerTemplate] to that template.
//
//	https://a.example          https://a.example/.well-known/oauth-authorization-server
//	and https://a.example/     https://a.example/.well-known/openid-configuration
//
//	https://a.example/tenant   https://a.example/.well-known/oauth-authorization-server/tenant
//	                           https://a.example/tenant/.well-known/openid-configuration
//	                           https://a.example/.well-known/openid-configuration/tenant
//	                           https://a.example/tenant/.well-known/oauth-authorization-server
//
// Discover tries the locations in this order until one has the issuer's document. After every other result, it tries the
// next location: after a network error, a timeout, an error status, a redirect, invalid or oversized JSON, or the metadata
// of another issuer. Gateways respond to unknown paths in all these ways. It sends no more requests after the status 429,
// and when the context has ended. The error contains the result of each request. If [Client.MetadataURL] is set, Discover
// sends one request, to that URL.
//
// If [Client.Timeout] is more than 3 s and a location does not respond within 3 s, Discover also requests the next one, and
// uses the first document that arrives. If [Client.Members] lists members that the first document lacks, Discover also reads
// the document of OpenID Connect.
//
// Every request uses https, has a time limit and a size limit, and follows no redirect. Plain http is allowed for loopback
// hosts, and for other hosts with [Client.InsecureAllowHTTP]. This package does not cache anything.
//
// A fault in one member does not affect the others: that member is treated as absent. [Metadata.Quirks] reports it.
// [Metadata.Check] returns it as an error; call it for the members that your program needs. The document is rejected if
// `issuer` or `jwks_uri` has a fault, or if an endpoint occurs twice. The Content-Type is not checked, and a byte order
// mark is ignored.
package oidcdiscovery
