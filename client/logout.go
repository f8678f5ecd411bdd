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

// LogoutOptions describes a logout at the server (OpenID Connect RP-Initiated Logout, Section 2). The zero value is valid.
type LogoutOptions struct {
	// IDTokenHint is the raw ID token of the session. It may have expired. It is part of the URL. An ID token of another
	// issuer is an error, because it must not be sent to this server. Empty means that the server may ask the user to
	// confirm the logout.
	IDTokenHint string

	// PostLogoutRedirectURI is where the server sends the user afterwards, with the parameter State. It must be registered.
	// Empty means that the user stays at the server.
	PostLogoutRedirectURI, State string

	// LogoutHint and UILocales are the parameters of the same names. Empty means that they are not sent.
	LogoutHint string
	UILocales  []string
}

// Format implements [fmt.Formatter]. For every verb, it omits the user's ID token.
func (o LogoutOptions) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.LogoutOptions{}")
}

// LogValue implements [slog.LogValuer]. It omits the user's ID token.
func (o LogoutOptions) LogValue() slog.Value { return slog.StringValue("client.LogoutOptions{}") }

// LogoutURL returns the URL that signs the user out at the server too (OpenID Connect RP-Initiated Logout, Section 2).
// Redirect the user's browser to it. End your own session first, because the browser may not come back.
func (c *Client) LogoutURL(ctx context.Context, o LogoutOptions) (string, error) {
	if err := c.checkHint(o.IDTokenHint, "LogoutOptions.IDTokenHint"); err != nil {
		return "", err
	}
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

// LogoutToken is a verified message from the server that a user has signed out (OpenID Connect Back-Channel Logout, Section
// 2.4). It has a subject, a session id, or both.
type LogoutToken struct {
	owner                owner
	subject, session, id string
	issuedAt             time.Time
}

// Issuer returns the claim iss, the server that sent the message. ClientID returns the client that it is for. The same
// subject or session id at another server is another user or session.
func (t *LogoutToken) Issuer() string { return t.owner.issuer }

// ClientID returns the client that the message is for. See [LogoutToken.Issuer].
func (t *LogoutToken) ClientID() string { return t.owner.clientID }

// Subject returns the claim sub. If SessionID is empty, end all sessions of this user. Subject is empty if the token has
// no such claim.
func (t *LogoutToken) Subject() string { return t.subject }

// SessionID returns the claim sid, the session to end. It is empty if the token has no such claim.
func (t *LogoutToken) SessionID() string { return t.session }

// ID returns the claim jti, which identifies the token.
func (t *LogoutToken) ID() string { return t.id }

// IssuedAt returns the claim iat.
func (t *LogoutToken) IssuedAt() time.Time { return t.issuedAt }

const (
	logoutEvent    = "http://schemas.openid.net/event/backchannel-logout"
	logoutTokenAge = 2 * time.Minute // the longest recommended lifetime (Back-Channel Logout, Section 4)
)

// VerifyLogoutToken verifies a logout token for this client (OpenID Connect Back-Channel Logout, Section 2.6). The token
// must be at most two minutes old. An invalid token causes an error that matches [consumer.ErrInvalidToken]. The caller
// must detect a token that arrives twice; [Client.BackchannelLogout] does that.
func (c *Client) VerifyLogoutToken(ctx context.Context, raw string) (*LogoutToken, error) {
	token, err := c.verifyJWT(ctx, profileLogoutToken, raw)
	if err != nil {
		return nil, err
	}
	session, hasSession := token.Claim("sid")
	sid, _ := session.(string)
	t := &LogoutToken{owner: owner{token.Issuer(), c.cfg.ClientID}, subject: token.Subject(), session: sid, id: token.ID(), issuedAt: token.IssuedAt()}
	_, nonce := token.Claim("nonce")
	all, _ := token.Claim("events")
	events, _ := all.(map[string]any)
	_, isObject := events[logoutEvent].(map[string]any)
	problem := ""
	switch {
	case nonce:
		problem = "nonce is present, as in an ID token"
	case !isObject:
		problem = "events does not have the logout event"
	case hasSession && sid == "": // without this check, all sessions of sub would end
		problem = "sid is not a string, or is empty"
	case t.subject == "" && t.session == "":
		problem = "sub and sid are missing"
	case time.Since(t.issuedAt) > logoutTokenAge+c.cfg.skew():
		problem = "iat is more than 2 minutes ago"
	default:
		return t, nil
	}
	return nil, fmt.Errorf("client: logout token: %w", &consumer.Error{Reason: consumer.ReasonClaims, Detail: problem})
}

const (
	maxLogoutBytes  = maxJWTBytes + 1<<10
	maxLogoutTokens = 10_000 // remembered ones; one that is older than a few minutes is rejected for its age
)

// BackchannelLogout returns the handler for the backchannel_logout_uri of the client (OpenID Connect Back-Channel Logout,
// Section 2.5). It verifies the logout token in each request and calls end, which must end the sessions that the token
// names. end may be called concurrently.
//
// The response has status 200 if end returned nil; 400 if the request has no valid logout token, or one that was handled
// before; and 503 if the token could not be verified, if end returned an error or panicked, or if another request with the
// same token is being handled. After a 503 the server may send the token again.
//
// The handler remembers the last 10 000 tokens in this process. If several processes serve this handler, each of them may
// call end once for the same token. Reading a request body takes at most Config.Timeout, if the server supports
// [http.ResponseController.SetReadDeadline].
func (c *Client) BackchannelLogout(end func(ctx context.Context, token *LogoutToken) error) http.Handler {
	seen := &seenTokens{newLRU[string, bool](maxLogoutTokens)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		if c.readForm(w, r) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.WriteHeader(c.logOut(r, seen, end))
	})
}

// readForm reads the body within limits of size and time: anybody can send requests to this handler, and the server may have
// no timeout of its own. The deadline is removed afterwards, so that it does not end the context of the request.
func (c *Client) readForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxLogoutBytes)
	connection := http.NewResponseController(w)
	limited := connection.SetReadDeadline(time.Now().Add(c.cfg.Timeout)) == nil
	err := r.ParseForm()
	if limited && err == nil {
		err = connection.SetReadDeadline(time.Time{})
	}
	return err
}

// logOut handles one request and returns the status of the response.
func (c *Client) logOut(r *http.Request, seen *seenTokens, end func(context.Context, *LogoutToken) error) int {
	if len(r.PostForm["logout_token"]) != 1 {
		return http.StatusBadRequest
	}
	t, err := c.VerifyLogoutToken(r.Context(), r.PostForm.Get("logout_token"))
	switch {
	case errors.Is(err, consumer.ErrInvalidToken):
		return http.StatusBadRequest
	case err != nil:
		return http.StatusServiceUnavailable
	}
	id := t.Issuer() + " " + t.id // each issuer chooses its own ids
	if status := seen.begin(id); status != http.StatusOK {
		return status
	}
	ended := false
	defer func() { seen.finish(id, ended) }() // false if end panics
	if err := end(r.Context(), t); err != nil {
		return http.StatusServiceUnavailable
	}
	ended = true
	return http.StatusOK
}

// seenTokens has the ids of the logout tokens that were handled (true) or are being handled (false). They are stored as
// hashes, which all have the same length.
type seenTokens struct{ done *lru.Cache[string, bool] }

// begin returns the status of the response for a token that was seen before. Otherwise it notes the token as being handled
// and returns 200.
func (s *seenTokens) begin(id string) int {
	switch done, seen, _ := s.done.PeekOrAdd(S256(id), false); {
	case done:
		return http.StatusBadRequest
	case seen: // another request is calling end; it may still fail
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

// finish notes how the handling ended. After a failure, the same token may be handled again.
func (s *seenTokens) finish(id string, ended bool) {
	if ended {
		s.done.Add(S256(id), true)
		return
	}
	s.done.Remove(S256(id))
}
