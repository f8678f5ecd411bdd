package weblogin

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
)

const (
	knownField = "known"
	maxSID     = 1 << 10 // bytes
)

// noteSession records that a login with this `sid` exists. The front-channel logout ends only sessions that have such a
// record: anyone can send that request, and each record of an ended session takes memory in the store.
func (a *App) noteSession(ctx context.Context, l login) error {
	if !a.cfg.FrontchannelLogout || l.SessionID == "" {
		return nil
	}
	return a.store.put(ctx, a.owner.known(l.issuer(), l.SessionID), knownField, timeText(l.Issued), a.store.recordLifetime())
}

// frontchannelLogout ends a session that the server names (OpenID Connect Front-Channel Logout 1.0, Section 2). The server
// loads it in a frame, so the browser does not send the session cookie unless both are of one site. Therefore the request
// must name the session, and nothing else in it counts. The response is the same whether or not there is such a session.
func (a *App) frontchannelLogout(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors *") // the page is empty
	h.Del("X-Frame-Options")
	query := r.URL.Query()
	issuer, sid := onlyValue(query, "iss"), onlyValue(query, "sid")
	if issuer == "" || sid == "" || len(sid) > maxSID || r.Method != http.MethodGet {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), logoutTimeout)
	defer cancel()
	if err := a.endKnown(ctx, issuer, sid); err != nil {
		a.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "front-channel logout not recorded", slog.Any("error", err))
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// endKnown ends a session of the server, if there is a login of it. issuer is compared with the `iss` of the ID token.
func (a *App) endKnown(ctx context.Context, issuer, sid string) error {
	text, found, err := a.store.get(ctx, a.owner.known(issuer, sid), knownField)
	if err != nil || !found {
		return err
	}
	var issued time.Time
	if err := issued.UnmarshalText(text); err != nil {
		return fmt.Errorf("%w: a record of a session cannot be decoded: %w", errStore, err)
	}
	// The record must not be earlier than the ID token. The server's clock, which wrote that time, may be ahead.
	at := clock.Now().Time()
	if issued.After(at) {
		at = issued
	}
	return a.mark(ctx, a.owner.ended(endedSession, issuer, sid), at)
}

// onlyValue returns a parameter that occurs exactly once, and otherwise "".
func onlyValue(query url.Values, name string) string {
	if len(query[name]) != 1 {
		return ""
	}
	return query.Get(name)
}
