package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// resourceSession contains the token of a [ResourceTransport] from one authorization server, for one resource.
type resourceSession struct {
	key       string // of this issuer and this resource, in the store
	source    *TokenSource
	transport *Transport
	signedIn  time.Time // zero if the token comes from the store
	dynamic   bool      // the client was registered by the program
	unclear   bool      // the API did not say why it rejected the token before
}

// isForgotten reports whether err, which the source has returned, says that the server has lost the registration.
func (s *resourceSession) isForgotten(err error) bool { return s.dynamic && isUnknownClient(err) }

// resourceSignIn is one attempt to get a session. All requests that need a session wait for done. err is set before done is
// closed.
type resourceSignIn struct {
	done chan struct{}
	err  error
}

// current returns the session, or nil if there is none or its token can neither be used nor refreshed.
func (t *ResourceTransport) current(ctx context.Context) (*resourceSession, error) {
	t.mu.Lock()
	s := t.session
	t.mu.Unlock()
	if s == nil {
		return nil, nil //nolint:nilnil // see above
	}
	_, err := s.source.token(ctx)
	if isIncomplete(err) || !errors.Is(err, ErrNoToken) && !s.isForgotten(err) {
		return s, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.session == s {
		t.session, t.ended, t.pauseTo = nil, s, time.Time{}
		if errors.Is(err, ErrInvalidToken) {
			t.pauseTo = s.signedIn.Add(signInPause)
		}
	}
	return t.session, nil
}

// authorize gets a new session after the API has responded with 401 to a request with the token of s, or without a token if s is
// nil. It returns false if a new sign-in would not help, so that the caller should get the response.
func (t *ResourceTransport) authorize(ctx context.Context, s *resourceSession, resp *http.Response) (bool, error) {
	why, _ := rejectionIn(resp)
	if s != nil && (why == notRejected || why == unclear && s.unclear) {
		return false, nil // if why is unclear, the API may have another reason than the token
	}
	n, err := t.join(ctx, s, resp.Header, why)
	if n == nil || err != nil {
		return err == nil && t.hasOther(s), err
	}
	select {
	case <-n.done:
		return n.err == nil, n.err
	case <-ctx.Done():
		return false, fmt.Errorf("client: waiting for a sign-in: %w", ctx.Err())
	}
}

// hasOther reports whether there is a session other than s.
func (t *ResourceTransport) hasOther(s *resourceSession) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.session != nil && t.session != s
}

// join returns the sign-in that is in progress, or starts one. It returns nil if there is another session already, if the
// API rejects the token of a recent sign-in, or if the budget is spent.
func (t *ResourceTransport) join(
	ctx context.Context, s *resourceSession, header http.Header, why rejection,
) (*resourceSignIn, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.running != nil:
		return t.running, nil
	// No sign-in is needed if another request has got a new session. None is started shortly after the last one.
	case t.session != nil && t.session != s,
		s != nil && time.Since(s.signedIn) < signInPause, // the zero time is long ago
		s == nil && time.Now().Before(t.pauseTo):
		return nil, nil //nolint:nilnil // see above
	case t.failure != nil && time.Now().Before(t.retryAt):
		return nil, t.failure
	}
	last := s
	if last == nil {
		last = t.ended
	}
	if last != nil && t.budget.isSpent() {
		return nil, nil //nolint:nilnil // see above
	}
	if last != nil {
		t.budget.spend() // also for a restored token: an API could name another server each time
	}
	n := &resourceSignIn{done: make(chan struct{}), err: errPanic}
	t.running = n
	header = header.Clone()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.cfg.SignInTimeout) // other requests may wait for it
	go func() {
		defer cancel()
		var session *resourceSession
		defer func() { t.finish(n, session) }()
		defer func() { _ = recover() }() // a panic here would end the process; callers get errPanic
		if session, n.err = t.connect(ctx, last, header); session != nil {
			session.unclear = s != nil && why == unclear
		}
	}()
	return n, nil
}

// finish stores the result of a sign-in and wakes the requests that wait for it.
func (t *ResourceTransport) finish(n *resourceSignIn, session *resourceSession) {
	defer close(n.done)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = nil
	if n.err == nil {
		t.session, t.ended, t.failure = session, nil, nil
		return
	}
	n.err = fmt.Errorf("client: access to %q: %w", clip(t.cfg.Resource), n.err)
	pause := signInPause
	if errors.Is(n.err, ErrUnavailable) {
		pause = minPause
	}
	t.failure, t.retryAt = n.err, time.Now().Add(pause)
}

// connect finds the authorization server, and returns a session with a token of this server. last is the session whose token has
// ended or was rejected, or nil if there was none. connect does not use the token of last in the store again.
func (t *ResourceTransport) connect(ctx context.Context, last *resourceSession, header http.Header) (*resourceSession, error) {
	resource, err := DiscoverResource(ctx, t.cfg.Discovery, t.cfg.Resource, header)
	if err != nil {
		return nil, err
	}
	server, err := resource.SelectServer(ctx, ServerSelection{Issuers: t.cfg.Issuers, Usable: t.usable})
	if err != nil {
		return nil, err
	}
	p := &resourcePlace{t: t, resource: resource, server: server, key: t.keyOf(server.Issuer, resource.ID)}
	if last != nil && last.key == p.key { // the same server and resource as before, so the stored token is that of last
		p.requested = last.source.scopesWith(new(Token), nil)
		if last.isForgotten(last.source.Err()) {
			if err := p.forget(ctx, last.source.client.cfg.ClientID); err != nil {
				return nil, err
			}
		}
		return p.signIn(ctx)
	}
	s, err := p.restore(ctx)
	if s != nil || err != nil {
		return s, err
	}
	return p.signIn(ctx)
}

// keyOf returns the key of the token and of the registration for one issuer and one resource in the store. Neither of the two
// contains a space, so different pairs have different keys.
func (t *ResourceTransport) keyOf(issuer, resource string) string {
	return strings.Join([]string{t.cfg.Key, issuer, resource}, " ")
}

// resourcePlace is a resource with the authorization server that was selected for it. Its methods make a session.
type resourcePlace struct {
	t         *ResourceTransport
	resource  *Resource
	server    *oidcdiscovery.Metadata
	key       string   // in the store
	requested []string // the scopes of the last session for this resource and server; nil if there was none
}

// restore returns a session with the token in the store, or nil if there is none that can be used.
func (p *resourcePlace) restore(ctx context.Context) (*resourceSession, error) {
	stored, err := p.t.store.Load(ctx, p.key)
	if errors.Is(err, ErrNoToken) {
		return nil, nil //nolint:nilnil // see above
	}
	if err == nil && stored == nil {
		err = errors.New("Load returned neither a token nor an error")
	}
	if err != nil {
		return nil, fmt.Errorf("client: ResourceTransportConfig.Store: %w", err)
	}
	c, registered, err := p.client(ctx, false)
	if c == nil || err != nil || c.checkOwner(stored, storedToken) != nil {
		return nil, err
	}
	s, err := p.session(c, nil, stored.Scopes)
	if err != nil {
		return nil, err
	}
	_, err = s.source.token(ctx)
	switch {
	case registered && isUnknownClient(err):
		return nil, p.forget(ctx, c.cfg.ClientID)
	case errors.Is(err, ErrNoToken) && !isIncomplete(err):
		return nil, nil //nolint:nilnil // see above
	}
	return s, err
}

// signIn signs in and returns a session with the new token. If the server no longer knows a registered client, signIn
// registers another one, once.
func (p *resourcePlace) signIn(ctx context.Context) (*resourceSession, error) {
	c, registered, err := p.client(ctx, true)
	if err != nil {
		return nil, err
	}
	token, err := p.token(ctx, c, AuthorizationOptions{Scopes: c.cfg.Scopes})
	if registered && isUnknownClient(err) {
		if err := p.forget(ctx, c.cfg.ClientID); err != nil {
			return nil, err
		}
		if c, _, err = p.client(ctx, true); err != nil {
			return nil, err
		}
		token, err = p.token(ctx, c, AuthorizationOptions{Scopes: c.cfg.Scopes})
	}
	if err != nil {
		return nil, err
	}
	return p.replace(ctx, c, token)
}

// replace returns a session with the token of a new sign-in. It first deletes a stored token that another client of this program
// got from this server, because a TokenSource does not replace such a token.
func (p *resourcePlace) replace(ctx context.Context, c *Client, token *Token) (*resourceSession, error) {
	stored, err := p.t.store.Load(ctx, p.key)
	if err == nil && stored != nil && c.checkOwner(stored, storedToken) != nil {
		if err := p.t.store.Delete(ctx, p.key); err != nil {
			return nil, fmt.Errorf("client: ResourceTransportConfig.Store: %w", err)
		}
	}
	s, err := p.session(c, token, c.cfg.Scopes)
	if err != nil {
		return nil, err
	}
	if _, err := s.source.token(ctx); err != nil { // stores it
		return nil, err
	}
	s.signedIn = time.Now()
	return s, nil
}

// token calls SignIn.
func (p *resourcePlace) token(ctx context.Context, c *Client, o AuthorizationOptions) (*Token, error) {
	o.Scopes, o.Resource = slices.Clone(p.offline(o.Scopes)), slices.Clone(c.cfg.Resource)
	token, err := p.t.cfg.SignIn(ctx, c, o)
	switch {
	case err != nil:
		return nil, fmt.Errorf("sign-in at %q: %w", clip(p.server.Issuer), err)
	case token == nil || token.AccessToken == "":
		return nil, errors.New("ResourceTransportConfig.SignIn returned neither an access token nor an error")
	}
	return token, nil
}

// session returns a session of c, in which these scopes were requested. Its first token is token, or the one in the store if
// token is nil.
func (p *resourcePlace) session(c *Client, token *Token, requested []string) (*resourceSession, error) {
	source, err := c.TokenSource(TokenSourceConfig{Token: token, Store: p.t.store, Key: p.key})
	if err != nil {
		return nil, err
	}
	source.requested = requested
	transport := &Transport{source: source, origins: p.t.bare.origins, base: p.t.bare.base}
	transport.stepUps = newStepUps(source, func(ctx context.Context, o AuthorizationOptions) (*Token, error) {
		return p.token(ctx, c, o)
	}, p.t.cfg.SignInTimeout, &p.t.budget)
	_, known := p.t.known(p.server)
	return &resourceSession{key: p.key, source: source, transport: transport, dynamic: !known}, nil
}

// scopes returns the scopes of a sign-in: those of the Config, those of earlier sign-ins, and those that the API requires. If
// these are too many, it omits those of earlier sign-ins, because an API could require others each time.
func (p *resourcePlace) scopes(own []string) []string {
	if all := union(own, p.requested, p.resource.Scopes); len(all) <= maxSignInScopes {
		return p.offline(all)
	}
	return p.offline(union(own, p.resource.Scopes))
}

// offline returns scopes with offline_access if it should be requested, and else without it (OpenID Connect Core, Section 11).
// The scope requests a refresh token, which concerns only the client and the authorization server. So it does not matter whether
// the API lists it. It is not requested alone, because a server may have default scopes for requests without scopes.
func (p *resourcePlace) offline(scopes []string) []string {
	const offline = "offline_access"
	scopes = missing(scopes, []string{offline})
	if len(scopes) == 0 || p.t.cfg.NoOfflineAccess || !slices.Contains(p.server.ScopesSupported, offline) {
		return scopes
	}
	return append(scopes, offline)
}
