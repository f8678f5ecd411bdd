package middleware

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/nilcheck"
	"github.com/bearerkit/bearerkit/internal/peer"
	"github.com/bearerkit/bearerkit/internal/replay"
)

// DPoPConfig lets a [Guard] accept tokens that are bound to a key of the client (RFC 9449). The client sends such a token
// with the scheme DPoP, and signs a proof for each request with its key. The header DPoP contains the proof. A stolen
// token is of no use without the key.
//
// A proof is accepted once, for one method and one URL, and for a short time. It does not cover the query and the body. Set
// URL, or Proxies and Hosts, so that the Guard knows the URL that the client used. All other fields may be zero.
//
// The Guard reads tokens with the scheme DPoP from the Authorization header, in addition to the places that
// Config.TokenSources lists. A token in one of those places is a bearer token. The Guard rejects a token that is bound to a
// key and sent as a bearer token, and a token with the scheme DPoP that is not bound to a key.
//
// A Guard records each proof, and rejects a proof that it has recorded before. Nested handlers of one Guard record it once.
// If a request passes two Guards, each must have a ReplayStore of its own: with a shared one, the second Guard would reject
// the proof.
type DPoPConfig struct {
	// URL is the first part of the URL that clients use for this API: scheme, host, and port if it is not the default one.
	// An example is "https://api.example.com". It must be https, or http with a loopback host for development. If a proxy
	// removes the beginning of the path, append what it removes: "https://api.example.com/v1". The Guard appends the path of
	// the request, and compares the result with the proof (`htu`). The Guard never reads the Host header, which the client
	// chooses.
	//
	// Empty: the URL is read from the headers of Proxies.
	URL string

	// Proxies lists the networks of reverse proxies that send the URL that the client used in headers. It is for an API with
	// several host names; otherwise set URL only. ProxyHeaders names the headers, and Hosts the host names. The headers are
	// read only if the connection comes from a listed address, and then they are required. Requests from all other addresses
	// use URL; if that is empty, their proofs are rejected. A listed address can claim that a client used any of Hosts. The
	// rules for prefixes and for Request.RemoteAddr are those of MTLSConfig.Proxies. Nil: headers are never read.
	Proxies []netip.Prefix

	// ProxyHeaders names the headers that all Proxies set. If the client sends one of these headers, a listed proxy must
	// overwrite it, append to it, or remove it. Otherwise the client chooses its value.
	//
	// The list is {"Forwarded"} (RFC 7239), or X-Forwarded-Proto and X-Forwarded-Host, to which X-Forwarded-Port and
	// X-Forwarded-Prefix may be added. If a header has several values, the last one is used, because the nearest proxy has
	// appended it. X-Forwarded-Port and X-Forwarded-Prefix may be absent from a request; the others are required. A malformed
	// value is rejected. The scheme must be https unless the host is a loopback host. Nil: X-Forwarded-Proto and
	// X-Forwarded-Host.
	ProxyHeaders []string

	// Hosts lists the host names that Proxies may send. It is required with Proxies: a proxy usually copies the Host header
	// of the client, so without the list the client would choose the host. An entry is a name or an address, and needs a port
	// unless clients use the default one: "api.example.com", "api.example.com:8443", "[2001:db8::1]". An asterisk matches one
	// label: "*.example.com" matches a.example.com, but neither example.com nor a.b.example.com. List only names of this API.
	// A proof is rejected if the proxy sends another host. Nil: only valid without Proxies.
	Hosts []string

	// Algorithms lists the accepted `alg` of proofs. They must be asymmetric. EdDSA and Ed25519 name the same algorithm, so
	// either name allows both. ML-DSA needs the build tag mldsa (docs/post-quantum.md). The challenge lists the names. Empty:
	// RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA and Ed25519.
	Algorithms []string

	// Window limits the age of a proof. Its `iat` may be this far in the past or in the future, so it also covers the
	// difference between the clocks of client and server. At most 5 minutes. Servers that share Replays must have equal
	// Windows, and [Guard.Replace] cannot change it. Zero: 60 s.
	Window time.Duration

	// Replays records the proofs that were used. Servers that serve the same URL must share one store, because otherwise a
	// proof could be used once for each server. Nil: the memory of this process. Replace keeps that memory, but a new process
	// may accept recent proofs once more.
	Replays ReplayStore

	// MaxReplays is the number of proofs that the memory records at once, each in about 200 bytes. If it is full, requests
	// with further proofs are rejected with 503 until recorded proofs expire. One key can have at most a tenth of MaxReplays,
	// or 1000 if that is more. A record ends when Window and 10 s have passed since the `iat` of the proof. So the defaults
	// are enough for 1400 requests per second, and for 140 per second of one key. MaxReplays has no effect if Replays is set.
	// Replace cannot change it. Zero: 100 000.
	MaxReplays int

	// ReplayTimeout limits a call of Replays. After it, the request is rejected with 503. Zero: 1 s.
	ReplayTimeout time.Duration

	// RequireNonce rejects proofs without a nonce of this Guard (RFC 9449 section 9). The client receives the nonce in the
	// header DPoP-Nonce of the rejection, and repeats the request with it. A nonce is accepted for one to two minutes, so a
	// proof that was made in advance cannot be used later. In the second minute, responses contain a newer nonce and
	// Cache-Control: no-store, which a handler must not replace by a weaker value. False: proofs need no nonce, and the
	// `nonce` of a proof is ignored.
	RequireNonce bool

	// NonceKeys are the secrets from which nonces are computed: 1 to 8 keys, each of at least 32 random bytes. New nonces are
	// computed from the first key. A nonce that was computed from any of the keys is accepted. Servers behind one URL must
	// have the same keys. To replace a key, add the new one at the end on all servers, then move it to the front, and remove
	// the old one after two minutes. NonceKeys requires RequireNonce. Nil: a random key of this Guard, which Replace keeps.
	NonceKeys [][]byte

	// Required accepts the scheme DPoP only, so every token must be bound to a key. A bearer token is rejected like
	// credentials of an unknown scheme, and the challenge does not mention Bearer. Config.TokenSources must be nil, because
	// a token in another place cannot have a proof. False: bearer tokens are accepted too. To require bound tokens for some
	// routes, use the rule [SenderConstrained].
	Required bool

	// ExposeHeaders lets scripts of other origins read the headers DPoP-Nonce and WWW-Authenticate (RFC 9449 section 8.2).
	// The Guard adds them to Access-Control-Expose-Headers if the request has an Origin header: on every rejection, and on
	// responses with a new nonce. It does not replace a CORS middleware, and keeps the header names that such a middleware
	// has set before. False: the CORS middleware must list them.
	ExposeHeaders bool
}

// Names of headers in their canonical form.
const (
	headerForwarded       = "Forwarded"
	headerForwardedProto  = "X-Forwarded-Proto"
	headerForwardedHost   = "X-Forwarded-Host"
	headerForwardedPort   = "X-Forwarded-Port"
	headerForwardedPrefix = "X-Forwarded-Prefix"
)

// copied returns a copy of c with the defaults. It shares no memory with c.
func (c *DPoPConfig) copied() DPoPConfig {
	d := *c
	d.Proxies, d.Algorithms = slices.Clone(c.Proxies), slices.Clone(c.Algorithms)
	d.ProxyHeaders, d.Hosts = nil, slices.Clone(c.Hosts)
	for _, name := range c.ProxyHeaders {
		d.ProxyHeaders = append(d.ProxyHeaders, http.CanonicalHeaderKey(name))
	}
	if c.ProxyHeaders == nil && c.Proxies != nil {
		d.ProxyHeaders = []string{headerForwardedProto, headerForwardedHost}
	}
	d.Window, d.MaxReplays = cmp.Or(c.Window, defaultWindow), cmp.Or(c.MaxReplays, replay.DefaultSize)
	d.ReplayTimeout = cmp.Or(c.ReplayTimeout, defaultReplayTimeout)
	d.NonceKeys = nil
	for _, key := range c.NonceKeys {
		d.NonceKeys = append(d.NonceKeys, slices.Clone(key))
	}
	return d
}

// faults returns an error for each invalid field, except those that package dpop checks.
func (c *DPoPConfig) faults() (faults []error) {
	add := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("middleware: Config.DPoP."+format, args...))
	}
	if c.Proxies != nil && len(c.Proxies) == 0 {
		add("Proxies is empty, expected a prefix, or nil to use URL only")
	}
	if c.Proxies == nil && len(c.ProxyHeaders) > 0 {
		add("ProxyHeaders has no effect without Proxies")
	}
	if c.Proxies == nil && len(c.Hosts) > 0 {
		add("Hosts has no effect without Proxies")
	}
	if len(c.Proxies) > 0 && len(c.Hosts) == 0 {
		add("Hosts is empty, expected the host names that clients use, because a proxy may forward any Host header")
	}
	if c.URL == "" && len(c.Proxies) == 0 {
		add("URL is empty, expected the URL of this API, or Config.DPoP.Proxies")
	}
	if fault := baseFault(c.URL); fault != nil {
		add("URL %w", fault)
	}
	faults = append(faults, peer.Proxies(c.Proxies).Faults("middleware: Config.DPoP.Proxies")...)
	if fault := headersFault(c.ProxyHeaders); fault != "" && len(c.Proxies) > 0 {
		add("ProxyHeaders is %q, %s", c.ProxyHeaders, fault)
	}
	faults = append(faults, hostsFaults(c.Hosts)...)
	if c.ReplayTimeout < 0 {
		add("ReplayTimeout is %v, expected a positive duration, or zero for %v", c.ReplayTimeout, defaultReplayTimeout)
	}
	if c.MaxReplays < 0 {
		add("MaxReplays is %d, expected a positive number, or zero for the default", c.MaxReplays)
	}
	if c.Replays != nil && nilcheck.IsNil(c.Replays) {
		add("Replays contains a nil value")
	}
	if len(c.NonceKeys) > 0 && !c.RequireNonce {
		add("NonceKeys has no effect without RequireNonce")
	}
	return faults
}

// baseFault says what is wrong with URL.
func baseFault(base string) error {
	if base == "" {
		return nil
	}
	u, err := url.Parse(base)
	if err != nil {
		u = &url.URL{}
	}
	if fault := resourceFault(base, u); fault != nil {
		return fault
	}
	if clean := strings.TrimSuffix(u.Path, "/"); clean != "" && path.Clean(clean) != clean {
		return errors.New("has a path with empty segments or dot segments, expected neither")
	}
	return nil
}

// headersFault says what is wrong with ProxyHeaders, or returns "".
func headersFault(names []string) string {
	sorted := slices.Sorted(slices.Values(names))
	has := func(name string) bool { return slices.Contains(names, name) }
	switch known := []string{headerForwarded, headerForwardedHost, headerForwardedPort, headerForwardedPrefix, headerForwardedProto}; {
	case slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(known, name) }):
		return "expected names among " + strings.Join(known, ", ")
	case len(slices.Compact(sorted)) != len(names):
		return "expected each name once"
	case has(headerForwarded) && len(names) > 1:
		return "expected either Forwarded or the X-Forwarded headers, so that a client cannot send the other ones"
	case !has(headerForwarded) && (!has(headerForwardedProto) || !has(headerForwardedHost)):
		return "expected Forwarded, or both X-Forwarded-Proto and X-Forwarded-Host"
	}
	return ""
}

var errTokenSources = errors.New("middleware: Config.TokenSources is set, expected nil with Config.DPoP.Required: " +
	"a token in another place cannot have a proof")
