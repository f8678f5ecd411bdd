package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/bearerkit/bearerkit/consumer"
)

// LogoutOptions say how a user signs out.
type LogoutOptions struct {
	// IDTokenHint is the raw ID token of the session, which may have ended. Empty: the server asks the user.
	IDTokenHint string

	// PostLogoutRedirectURI is where the user is sent then, as it was registered, with State. Empty: nowhere.
	PostLogoutRedirectURI, State string

	// LogoutHint and UILocales are parameters of OpenID Connect RP-Initiated Logout §2.
	LogoutHint string
	UILocales  []string
}

// Format leaves the user's ID token out, whatever the verb.
func (o LogoutOptions) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.LogoutOptions{}")
}

// LogValue leaves the user's ID token out.
func (o LogoutOptions) LogValue() slog.Value { return slog.StringValue("client.LogoutOptions{}") }

// LogoutURL returns where to send the user's browser so that they are signed out of the server, too (OpenID Connect
// RP-Initiated Logout §2). End the own session first: nobody knows whether the user comes back.
func (c *Client) LogoutURL(ctx context.Context, o LogoutOptions) (string, error) {
	target, err := c.browserEndpoint(ctx, endpointEndSession)
	if err != nil {
		return "", err
	}
	return withQuery(target, withoutEmpty(url.Values{
		"client_id": {c.cfg.ClientID}, "id_token_hint": {o.IDTokenHint}, "logout_hint": {o.LogoutHint},
		"post_logout_redirect_uri": {o.PostLogoutRedirectURI}, "state": {o.State},
		"ui_locales": {strings.Join(o.UILocales, " ")},
	}))
}

// LogoutToken is a server's word that a user has signed out (OpenID Connect Back-Channel Logout §2.4). It has a subject,
// a session, or both.
type LogoutToken struct {
	subject, session, id string
	issuedAt             time.Time
}

// Subject is `sub`: all sessions of this user end, unless there is a session id. Empty: there is none.
func (t *LogoutToken) Subject() string { return t.subject }

// SessionID is `sid`: the session that ends. Empty: there is none.
func (t *LogoutToken) SessionID() string { return t.session }

// ID is `jti`.
func (t *LogoutToken) ID() string { return t.id }

// IssuedAt is `iat`.
func (t *LogoutToken) IssuedAt() time.Time { return t.issuedAt }

const (
	logoutEvent    = "http://schemas.openid.net/event/backchannel-logout"
	logoutTokenAge = 2 * time.Minute // "at most two minutes in the future" (Back-Channel Logout §4)
)

// VerifyLogoutToken proves a logout token for this client (OpenID Connect Back-Channel Logout §2.6). It must be at most two
// minutes old. Whether it came before is for the caller to know; [Client.BackchannelLogout] does. One that is not good is
// an error that matches [consumer.ErrInvalidToken].
func (c *Client) VerifyLogoutToken(ctx context.Context, raw string) (*LogoutToken, error) {
	token, err := c.verifyJWT(ctx, consumer.ProfileLogoutToken, raw)
	if err != nil {
		return nil, err
	}
	session, hasSession := token.Claim("sid")
	sid, _ := session.(string)
	t := &LogoutToken{subject: token.Subject(), session: sid, id: token.ID(), issuedAt: token.IssuedAt()}
	_, nonce := token.Claim("nonce")
	all, _ := token.Claim("events")
	events, _ := all.(map[string]any)
	_, isObject := events[logoutEvent].(map[string]any)
	problem := ""
	switch {
	case nonce:
		problem = "nonce marks an ID token"
	case !isObject:
		problem = "events names no logout"
	case hasSession && sid == "": // it would end all sessions of sub
		problem = "sid is no session"
	case t.subject == "" && t.session == "":
		problem = "sub and sid are missing"
	case time.Since(t.issuedAt) > logoutTokenAge+c.cfg.skew():
		problem = "iat is too long ago"
	default:
		return t, nil
	}
	return nil, fmt.Errorf("client: logout token: %w", &consumer.Error{Reason: consumer.ReasonClaims, Detail: problem})
}

const (
	maxLogoutBytes  = maxJWTBytes + 1<<10
	maxLogoutTokens = 10_000 // that are remembered, some minutes of them: an older one is refused for its age
)

// BackchannelLogout receives logout tokens (OpenID Connect Back-Channel Logout §2.5), as registered for
// `backchannel_logout_uri`. end is told of each once and ends the sessions; when it fails, or panics, the token may come
// again. The answer is 200, or 400 for what is no good logout token or was carried out before, or 503 for what could not be
// checked or carried out, or is being carried out for another request that brought it. end may be called concurrently.
//
// Tokens that were taken are remembered in this process. Where several share the work, end may be told twice.
func (c *Client) BackchannelLogout(end func(ctx context.Context, token *LogoutToken) error) http.Handler {
	seen := &seenTokens{newLRU[string, bool](maxLogoutTokens)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxLogoutBytes)
		w.WriteHeader(c.logOut(r, seen, end))
	})
}

func (c *Client) logOut(r *http.Request, seen *seenTokens, end func(context.Context, *LogoutToken) error) int {
	if err := r.ParseForm(); err != nil || len(r.PostForm["logout_token"]) != 1 {
		return http.StatusBadRequest
	}
	t, err := c.VerifyLogoutToken(r.Context(), r.PostForm.Get("logout_token"))
	switch {
	case errors.Is(err, consumer.ErrInvalidToken):
		return http.StatusBadRequest
	case err != nil:
		return http.StatusServiceUnavailable
	}
	if status := seen.begin(t.id); status != http.StatusOK {
		return status
	}
	ended := false
	defer func() { seen.finish(t.id, ended) }() // a panic, too, leaves the user signed in
	if err := end(r.Context(), t); err != nil {
		return http.StatusServiceUnavailable
	}
	ended = true
	return http.StatusOK
}

// seenTokens are the ids of the logout tokens that were carried out, or are just being so. They are held as hashes, which
// all have the same length.
type seenTokens struct{ done *lru.Cache[string, bool] }

// begin says how a token is answered that is here already, and otherwise notes it and says 200.
func (s *seenTokens) begin(id string) int {
	switch done, seen, _ := s.done.PeekOrAdd(S256(id), false); {
	case done:
		return http.StatusBadRequest
	case seen: // whether that succeeds nobody knows yet
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

func (s *seenTokens) finish(id string, ended bool) {
	if ended {
		s.done.Add(S256(id), true)
		return
	}
	s.done.Remove(S256(id))
}
