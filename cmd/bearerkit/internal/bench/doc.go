// Package bench is the command bench. It sends a bounded number of requests to one route of an API that a Guard protects, and
// measures throughput and latency for each kind of credential: valid tokens that the API has not seen, one token again and again,
// many tokens in rotation, and credentials that the API must reject.
//
// The package sends tokens, so target.go decides where they may go. It resolves the host of the URL once, checks every address, and
// all connections go to one checked address. Without the flag --confirm-target, that address must be a loopback address. A request
// is written to the connection directly (conn.go). So nothing follows a redirect, uses a proxy, or repeats a request, and the number
// of requests is exact.
package bench
