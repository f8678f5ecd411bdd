package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// state is everything that one configuration determines for a decision. It is immutable; a reload replaces it as a whole, so
// one request is never decided by two configurations.
type state struct {
	config     config // with defaults
	convention convention
	trusted    []netip.Prefix
	screen     *screen
	guard      *middleware.Guard
	router     *router
	headers    []claimHeader
	issuers    *issuers
}

// durable is what a reload keeps: otherwise a DPoP proof could be used once more, and clients would need new nonces.
type durable struct {
	replays   middleware.ReplayStore
	nonceKeys [][]byte
}

// newState returns the state of c. It does no network I/O. earlier is the state that it replaces, or nil.
func newState(c config, earlier *state, d durable, h hooks, getenv func(string) string) (*state, error) {
	c = c.withDefaults()
	s := &state{config: c, convention: conventionOf(c.Proxy)}
	var known *issuers
	if earlier != nil {
		known = earlier.issuers
	}
	var faults []error
	keep := func(err error) { faults = append(faults, err) }
	var err error
	s.trusted, err = c.networks()
	keep(err)
	keep(c.fault())
	s.screen, err = c.screen()
	keep(err)
	s.headers, err = newClaimHeaders(c.Headers)
	keep(err)
	s.issuers, err = newIssuers(c, known, h, getenv)
	keep(err)
	if err := errors.Join(faults...); err != nil { // the Guard needs the issuers, so its faults cannot be joined with these
		return nil, err
	}
	if s.guard, err = middleware.New(c.guard(s.issuers.verifier, d, h)); err != nil {
		return nil, err
	}
	return s, errors.Join(s.checkSubjects(), s.addRoutes())
}

// fault checks the keys of the file that no other function checks, and returns what is wrong, or nil.
func (c config) fault() error {
	var faults []error
	switch c.Proxy {
	case proxyNginx, proxyCaddy, proxyTraefik:
		if c.RemoveToken {
			faults = append(faults, fmt.Errorf("remove_token is set, but only Envoy removes header fields on request: %s must remove the token itself (docs/forward-auth.md)", c.Proxy))
		}
		if c.Listen.GRPC != "" {
			faults = append(faults, fmt.Errorf("listen.grpc is set, but %s does not use it: only Envoy does", c.Proxy))
		}
	case proxyEnvoy:
	default:
		faults = append(faults, fmt.Errorf("proxy is %q, expected nginx, caddy, traefik or envoy", c.Proxy))
	}
	if len(c.Routes) == 0 {
		faults = append(faults, errors.New("routes is empty, expected at least one pattern"))
	}
	if c.DPoP != nil && (c.DPoP.URL == "") == (len(c.DPoP.Hosts) == 0) {
		faults = append(faults, errors.New("dpop needs exactly one of url and hosts"))
	}
	if !slices.Contains([]string{"json", "text"}, c.Log.Format) {
		faults = append(faults, fmt.Errorf("log.format is %q, expected json or text", c.Log.Format))
	}
	if _, err := c.Log.level(); err != nil {
		faults = append(faults, err)
	}
	for name, d := range map[string]duration{
		"request": c.Timeouts.Request, "idle": c.Timeouts.Idle, "warm": c.Timeouts.Warm,
		"drain": c.Timeouts.Drain, "shutdown": c.Timeouts.Shutdown,
	} {
		if d < 0 {
			faults = append(faults, fmt.Errorf("timeouts.%s is negative", name))
		}
	}
	return errors.Join(faults...)
}

// networks returns TrustedProxies.
func (c config) networks() ([]netip.Prefix, error) {
	var list []netip.Prefix
	var faults []error
	for _, text := range c.TrustedProxies {
		network, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("trusted_proxies: %q is not a network such as 10.1.2.0/24", text))
		case network != network.Masked() || network.Addr().Is4In6():
			faults = append(faults, fmt.Errorf("trusted_proxies: %s has address bits after its length, or is an IPv4 address in IPv6 form", text))
		// Such a network is a mistake: nearly everyone could send descriptions of requests.
		case network.Bits() < 8 && network.Addr().Is4() || network.Bits() < 7:
			faults = append(faults, fmt.Errorf("trusted_proxies: %s is too large, expected at least /8 (IPv4) or /7 (IPv6)", text))
		}
		list = append(list, network)
	}
	return list, errors.Join(faults...)
}

// isTrusted reports whether address, the remote address of a connection, is that of the proxy.
func (s *state) isTrusted(address string) bool {
	peer, err := netip.ParseAddrPort(address)
	if err != nil {
		return address == "@" || address == "" // the client of a Unix domain socket has no address
	}
	return slices.ContainsFunc(s.trusted, func(n netip.Prefix) bool { return n.Contains(peer.Addr().Unmap()) })
}

// screen returns the checks of requests.
func (c config) screen() (*screen, error) {
	s := &screen{allowOverrides: c.InsecureAllowOverrides, claimHeaders: make(map[string]bool)}
	for name := range c.Headers {
		s.claimHeaders[spelling(name)] = true // a client must not send these itself
	}
	for _, text := range c.InsecureAllowInPath {
		switch text {
		case ";":
			s.allowSemicolon = true
		case "%25":
			s.allowPercent = true
		default:
			return nil, fmt.Errorf("insecure_allow_in_path: %q cannot be allowed, expected \";\" or \"%%25\"", text)
		}
	}
	return s, nil
}

// guard returns the configuration of the Guard.
func (c config) guard(v consumer.Verifier, d durable, h hooks) middleware.Config {
	cfg := middleware.Config{Verifier: v, Realm: c.Realm, Resource: c.Resource, Logger: h.logger}
	if h.metrics != nil {
		cfg.OnDecision = h.metrics.OnDecision
	}
	if p := c.DPoP; p != nil {
		cfg.DPoP = &middleware.DPoPConfig{
			URL: p.URL, Algorithms: p.Algorithms, Replays: d.replays, RequireNonce: p.RequireNonce, Required: p.Required,
		}
		if len(p.Hosts) > 0 {
			cfg.DPoP.Hosts, cfg.DPoP.Proxies = p.Hosts, []netip.Prefix{netip.PrefixFrom(describer(), describer().BitLen())}
		}
		if p.RequireNonce {
			cfg.DPoP.NonceKeys = d.nonceKeys
		}
	}
	return cfg
}

// describer is the remote address of requests that serve makes from descriptions. The Guard reads scheme and host from their
// header fields X-Forwarded-Proto and X-Forwarded-Host, which serve has set.
func describer() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }

// checkSubjects returns an error if the API receives subjects of several issuers without the issuer, because two users can
// have the same subject (OpenID Connect Core 1.0 section 8).
func (s *state) checkSubjects() error {
	names := make(map[string]bool)
	for _, c := range s.issuers.consumers {
		names[c.Issuer()] = true
	}
	has := func(claims ...string) bool {
		return slices.ContainsFunc(s.headers, func(h claimHeader) bool { return slices.Contains(claims, h.claim) })
	}
	if len(names) > 1 && has("sub", "$subject") && !has("iss", "$issuer") {
		return errors.New("headers: a subject is unique only within its issuer, and there are several issuers: add a header with the claim $issuer")
	}
	return nil
}

// addRoutes makes the router.
func (s *state) addRoutes() error {
	admit := http.HandlerFunc(s.admit)
	// A request for which no route is listed is rejected, but only after its token was verified, so that it gets the right challenge.
	s.router = newRouter(!s.config.InsecureSkipSpellingCheck, s.guard.With(unlisted())(admit))
	var faults []error
	for pattern, rt := range s.config.Routes {
		rules, err := rt.rules()
		if err = errors.Join(err, rt.checkPublic(rules)); err != nil {
			faults = append(faults, fmt.Errorf("routes: %s: %w", pattern, err))
			continue
		}
		handler := http.Handler(http.HandlerFunc(s.admitPublic))
		if !rt.Public {
			handler = s.guard.With(append(rules, claimsRule(s.headers))...)(admit)
		}
		if err := s.router.add(pattern, handler); err != nil {
			faults = append(faults, fmt.Errorf("routes: %w", err))
		}
	}
	return errors.Join(faults...)
}

// admit writes the response to a request with a token. The rule of claimsRule has checked that the header fields can be set.
func (s *state) admit(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok {
		s.guard.Deny(w, r, middleware.ErrNoToken)
		return
	}
	if err := setClaims(w.Header(), s.headers, token); err != nil {
		s.guard.Deny(w, r, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// admitPublic writes the response to a request on a public route. The header fields for the API are empty.
func (s *state) admitPublic(w http.ResponseWriter, _ *http.Request) {
	for _, header := range s.headers {
		w.Header()[header.name] = []string{""}
	}
	w.WriteHeader(http.StatusOK)
}

// decide decides about the request that o describes, and writes the response for the proxy into w.
func (s *state) decide(ctx context.Context, w http.ResponseWriter, o original) error {
	r := (&http.Request{
		Method: o.method, Host: o.host, RequestURI: o.target, RemoteAddr: netip.AddrPortFrom(describer(), 1).String(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: make(http.Header), Body: http.NoBody,
	}).WithContext(ctx)
	// The request is built anew, and contains only what the checks have accepted. So the Guard reads nothing that another server could
	// read in another way.
	target, err := s.screen.check(&o)
	if err != nil {
		s.guard.Deny(w, r, invalid(err))
		return err
	}
	r.URL, r.Host = target, o.host
	for _, name := range []string{"Authorization", "Dpop", "Origin"} { // what the Guard reads
		if lines, ok := o.header[name]; ok {
			r.Header[name] = lines
		}
	}
	r.Header.Set("X-Forwarded-Proto", o.scheme)
	r.Header.Set("X-Forwarded-Host", o.host)
	s.router.find(r).ServeHTTP(w, r)
	return nil
}
