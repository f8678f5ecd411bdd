// Package serve is the command bearerkit serve: forward authentication for reverse proxies.
//
// A proxy describes each request of a client to serve, before it passes the request on. serve applies the rules of the route
// with a Guard, and responds with 200 or with the response that the client receives. The proxies are nginx (auth_request),
// Caddy (forward_auth), Traefik (ForwardAuth) and Envoy (ext_authz over HTTP and gRPC). docs/forward-auth.md has a
// configuration for each.
//
// The path of a request: http.go or grpc.go reads the description of the client's request (original.go), screen.go rejects
// requests that the API could read in another way than the policy, router.go finds the route, the Guard decides, and claim.go
// converts claims to header fields. A state (state.go) is everything that one configuration file determines; SIGHUP replaces
// it as a whole (reload.go).
package serve
