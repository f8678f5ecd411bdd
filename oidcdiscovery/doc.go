// Package oidcdiscovery turns an issuer identifier into that issuer's validated metadata: where its keys and endpoints
// are, and what it supports.
//
// [Client.Discover] asks the two well-known places for the document, RFC 8414's first and OpenID Connect Discovery's
// second. It takes a document only if the `issuer` in it equals the identifier asked for, byte for byte (RFC 8414 §3.3):
// a slash more, another case or another spelling of the host is another issuer. Nothing softens this comparison.
//
//	https://a.example          https://a.example/.well-known/oauth-authorization-server
//	and https://a.example/     https://a.example/.well-known/openid-configuration
//
//	https://a.example/tenant   https://a.example/.well-known/oauth-authorization-server/tenant
//	                           https://a.example/tenant/.well-known/openid-configuration
//
// The second place is asked after every answer of the first one that is not the issuer's document: any other status, a
// redirect, another media type, broken or oversized JSON, the metadata of another issuer. Catch-all routes and gateways
// answer unknown paths in all of these ways, 5xx among them, and the second document is held to the same rules. It is
// not asked when no answer came, since the same host would keep the caller waiting once more,
// nor when the server asked for rest with a Retry-After. At most two requests are made, and the error tells what each
// place said.
//
// Requests are bounded in time and size, follow no redirect, and go over https; plain http is for loopback hosts, or
// for [Client.InsecureAllowHTTP]. Nothing is cached here.
package oidcdiscovery
